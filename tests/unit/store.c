/* The store's file: where it may lie, whose it may be, and what happens when the disk does not play along. */
#include "store_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include "store/place.h"

static int open_at(fixture *f, const char *url, nip_store **store, nip_error **err)
{
    return nip_store_open(f->ctx, url, store, err);
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        fail_msg("%s is missing", path);
    return status.st_mode & 0777;
}

static void make_database(fixture *f, const char *sql)
{
    edit(f, sql);
}

/* ---- opening ---- */

static void test_urls(void **state)
{
    fixture *f = *state;
    static const char *const urls[] = {"",        "memory",         "memory:x",  "sqlite",
                                       "sqlite:", "postgres://h/d", "/tmp/x.db", "SQLITE:x"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        nip_store *store = NULL;
        assert_fails(open_at(f, urls[i], &store, &err), NIP_E_INVALID, "sqlite:PATH");
        assert_null(store);
    }
    nip_store *store = NULL;
    assert_fails(nip_store_open(NULL, "memory:", &store, &err), NIP_E_INVALID, "ctx");
    assert_fails(nip_store_open_readonly(f->ctx, "memory:", &store, &err), NIP_E_INVALID, "memory");
    assert_fails(nip_store_open_readonly(f->ctx, "nothing:", &store, &err), NIP_E_INVALID, "sqlite:PATH");
    nip_store_free(NULL);
}

static void test_file_and_folder_are_private(void **state)
{
    fixture *f = *state;
    snprintf(f->path, sizeof f->path, "%s/a/b/store.db", f->folder);
    snprintf(f->url, sizeof f->url, "sqlite:%s", f->path);
    mode_t before = umask(0);
    f->store = open_store(f);
    append(f->store, "shop", "{}");
    umask(before);
    char name[PATH_MAX + 8];
    assert_int_equal(mode_of(f->path), 0600);
    snprintf(name, sizeof name, "%s-wal", f->path);
    assert_int_equal(mode_of(name), 0600);
    snprintf(name, sizeof name, "%s-shm", f->path);
    assert_int_equal(mode_of(name), 0600);
    snprintf(name, sizeof name, "%s/a/b", f->folder);
    assert_int_equal(mode_of(name), 0700);
    assert_string_equal(nip__store_url(f->store), f->url);
    assert_ptr_equal(nip__store_ctx(f->store), f->ctx);
}

/* Names that mean something to SQLite mean a file here. */
static void test_names_are_names(void **state)
{
    fixture *f = *state;
    static const char *const names[] = {":memory:", "file:x.db?mode=memory", "a b%20c#d?e", "\xc3\xa4",
                                        "'; DROP TABLE record; --"};
    char before[PATH_MAX];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(f->folder), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(f->url, sizeof f->url, "sqlite:%s", names[i]);
        nip_store *store = open_store(f);
        append(store, "shop", "{}");
        nip_store_free(store);
        assert_int_equal(access(names[i], F_OK), 0);
        store = NULL;
        assert_int_equal(nip_store_open_readonly(f->ctx, f->url, &store, NULL), 0);
        int64_t sequence = 0;
        assert_int_equal(nip__store_head(store, "shop", &sequence, NULL), 0);
        assert_int_equal(sequence, 1);
        nip_store_free(store);
    }
    assert_int_equal(chdir(before), 0);
}

static void test_it_is_still_there_after_closing(void **state)
{
    fixture *f = *state;
    append(f->store, "shop", "{}");
    nip_store_free(f->store);
    f->store = open_store(f);
    assert_int_equal(append(f->store, "shop", "{}"), 2);
    assert_text(verify(f, "shop", NULL), "verdict", "intact");
}

/* ---- files that are none of ours ---- */

static void test_foreign_files(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *text; /* of the file, or NULL: a database */
        const char *sql;
        int code;
        const char *message;
    } cases[] = {
        {"this is not a database, but it is long enough to have the header of "
         "one..............................................",
         NULL, NIP_E_CORRUPT, "not a database"},
        {NULL, "CREATE TABLE t (a)", NIP_E_STORE, "another program"},
        {NULL, "PRAGMA application_id = 7; CREATE TABLE t (a)", NIP_E_STORE, "another program"},
        {NULL, "PRAGMA user_version = 3; CREATE TABLE t (a)", NIP_E_STORE, "another program"},
        {NULL, "PRAGMA application_id = 1852403823; PRAGMA user_version = 2", NIP_E_VERSION, "newer"},
        {NULL, "PRAGMA application_id = 1852403823; PRAGMA user_version = 0; CREATE TABLE t (a)", NIP_E_CORRUPT,
         "format 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unlink(f->path);
        if (cases[i].text != NULL)
            write_file(f->path, cases[i].text);
        else
            make_database(f, cases[i].sql);
        nip_store *store = NULL;
        assert_fails(open_at(f, f->url, &store, &err), cases[i].code, cases[i].message);
        assert_fails(nip_store_open_readonly(f->ctx, f->url, &store, &err), cases[i].code, cases[i].message);
        assert_null(store);
    }
}

static void test_an_empty_file_becomes_a_store(void **state)
{
    fixture *f = *state;
    write_file(f->path, "");
    nip_store *store = NULL;
    assert_fails(nip_store_open_readonly(f->ctx, f->url, &store, &err), NIP_E_NOTFOUND, "empty");
    f->store = open_store(f);
    assert_int_equal(append(f->store, "shop", "{}"), 1);
}

enum { MAKERS = 6, ROUNDS = 300 };

/* Opens a new file in every round, at the same moment as its siblings; exits with the number of refusals. */
static void make_together(fixture *f, pthread_barrier_t *start)
{
    int refused = 0;
    for (int round = 0; round < ROUNDS; round++) {
        nip_store *store = NULL;
        nip_error *err = NULL;
        snprintf(f->url, sizeof f->url, "sqlite:%s/round-%d.db", f->folder, round);
        pthread_barrier_wait(start);
        if (open_at(f, f->url, &store, &err) < 0) {
            fprintf(stderr, "round %d: %s\n", round, nip_error_message(err));
            refused++;
        }
        nip_error_free(err);
        nip_store_free(store);
    }
    _exit(refused);
}

/* Everyone who opens a file that becomes a store at this very moment gets the store. */
static void test_several_make_the_same_store(void **state)
{
    fixture *f = *state;
    pthread_barrier_t *start =
        mmap(NULL, sizeof *start, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(start, MAP_FAILED);
    pthread_barrierattr_t shared;
    pthread_barrierattr_init(&shared);
    pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    assert_int_equal(pthread_barrier_init(start, &shared, MAKERS), 0);
    pid_t makers[MAKERS];
    for (int i = 0; i < MAKERS; i++) {
        makers[i] = fork();
        assert_true(makers[i] >= 0);
        if (makers[i] == 0)
            make_together(f, start);
    }
    int good = 0;
    for (int i = 0; i < MAKERS; i++) {
        int status = 0;
        assert_int_equal(waitpid(makers[i], &status, 0), makers[i]);
        good += status == 0;
    }
    munmap(start, sizeof *start);
    assert_int_equal(good, MAKERS);
}

static void test_places_that_cannot_be(void **state)
{
    fixture *f = *state;
    nip_store *store = NULL;
    char url[PATH_MAX + 64];
    snprintf(url, sizeof url, "sqlite:%s", f->folder);
    assert_fails(open_at(f, url, &store, &err), NIP_E_STORE, "not a regular file");
    write_file(f->path, "");
    snprintf(url, sizeof url, "sqlite:%s/below", f->path);
    assert_true(open_at(f, url, &store, NULL) < 0);
    snprintf(url, sizeof url, "sqlite:%s/missing.db", f->folder);
    assert_fails(nip_store_open_readonly(f->ctx, url, &store, &err), NIP_E_NOTFOUND, "no store");
    char *longest = malloc(PATH_MAX + 16);
    assert_non_null(longest);
    memset(longest, 'x', PATH_MAX + 15);
    memcpy(longest, "sqlite:/", 8);
    longest[PATH_MAX + 15] = '\0';
    assert_fails(open_at(f, longest, &store, &err), NIP_E_INVALID, "longer");
    free(longest);
    assert_null(store);
}

static void test_network_file_systems(void **state)
{
    (void)state;
    static const uint32_t refused[] = {0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x00c36400, 0x0bd00bd0};
    static const uint32_t fine[] = {0xef53,     0x58465342, 0x9123683e,
                                    0x01021994, 0x794c7630, 0x65735546}; /* ext4 xfs btrfs tmpfs overlay fuse */
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_non_null(nip__place_network(refused[i]));
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++)
        assert_null(nip__place_network(fine[i]));
}

/* ---- reading only ---- */

static void test_readers_see_what_a_writer_writes(void **state)
{
    fixture *f = *state;
    append(f->store, "shop", "{\"n\":1}");
    nip_store *reader = NULL;
    assert_int_equal(nip_store_open_readonly(f->ctx, f->url, &reader, NULL), 0);
    append(f->store, "shop", "{\"n\":2}");
    int64_t sequence = 0;
    assert_int_equal(nip__store_head(reader, "shop", &sequence, NULL), 0);
    assert_int_equal(sequence, 2);
    nip__lease lease;
    assert_fails(nip_journal_append(reader, "shop", -1, "note.written", AT, "{}", NULL, &err), NIP_E_READONLY,
                 "reading only");
    assert_fails(nip_journal_purge(reader, "shop", 1, &err), NIP_E_READONLY, "reading only");
    assert_fails(nip__lease_take(reader, "shop", &lease, &err), NIP_E_READONLY, "reading only");
    char *json = NULL;
    assert_int_equal(nip_lease_read(reader, "shop", &json, NULL), 0);
    assert_string_equal(json, "null");
    nip_free(json);
    nip_store_free(reader);
}

/* A small disk of our own; only root can have one. */
static bool mount_disk(fixture *f, const char *options)
{
    if (mount("nipops-test", f->folder, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0)
        return true;
    print_message("SKIPPED: a disk of its own cannot be mounted here\n");
    return false;
}

static void unmount_disk(fixture *f)
{
    nip_store_free(f->store);
    f->store = NULL;
    assert_int_equal(umount(f->folder), 0);
}

static void test_a_disk_that_may_only_be_read(void **state)
{
    fixture *f = *state;
    if (!mount_disk(f, "size=4m"))
        skip();
    f->store = open_store(f);
    append(f->store, "shop", "{}");
    nip_store_free(f->store);
    f->store = NULL;
    assert_int_equal(mount("nipops-test", f->folder, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
    nip_store *store = NULL;
    assert_fails(open_at(f, f->url, &store, &err), NIP_E_READONLY, "may");
    char url[PATH_MAX];
    snprintf(url, sizeof url, "sqlite:%s/new.db", f->folder);
    assert_fails(open_at(f, url, &store, &err), NIP_E_READONLY, "Read-only file system");
    assert_int_equal(nip_store_open_readonly(f->ctx, f->url, &f->store, NULL), 0);
    assert_text(verify(f, "shop", NULL), "verdict", "intact");
    assert_int_equal(nip__get_int(verify(f, "shop", NULL), "records", 0), 1);
    unmount_disk(f);
}

static void test_a_folder_that_may_not_be_written(void **state)
{
    fixture *f = *state;
    if (geteuid() == 0)
        skip(); /* nothing is forbidden to root; the test above is about the same */
    nip_store_free(open_store(f));
    assert_int_equal(chmod(f->folder, 0500), 0);
    nip_store *store = NULL;
    assert_fails(open_at(f, f->url, &store, &err), NIP_E_READONLY, "folder");
    assert_int_equal(nip_store_open_readonly(f->ctx, f->url, &store, NULL), 0);
    nip_store_free(store);
    assert_int_equal(chmod(f->folder, 0700), 0);
}

/* ---- a disk that fails ---- */

static int fill(fixture *f, nip_error **err)
{
    static char payload[20000];
    memset(payload, 'x', sizeof payload);
    memcpy(payload, "{\"a\":\"", 6);
    memcpy(payload + sizeof payload - 3, "\"}", 3);
    for (int i = 0; i < 1000; i++) {
        int rc = nip_journal_append(f->store, "shop", -1, "note.written", AT, payload, NULL, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static void test_a_full_disk(void **state)
{
    fixture *f = *state;
    if (!mount_disk(f, "size=1m"))
        skip();
    char ballast[PATH_MAX];
    snprintf(ballast, sizeof ballast, "%s/ballast", f->folder);
    f->store = open_store(f);
    append(f->store, "shop", "{}");
    static char bytes[200000];
    memset(bytes, 'x', sizeof bytes - 1);
    write_file(ballast, bytes);
    nip_error *err = NULL;
    int rc = fill(f, &err);
    assert_failure(rc, err, NIP_E_FULL, "full");
    int64_t before = 0, after = 0;
    assert_int_equal(nip__store_head(f->store, "shop", &before, NULL), 0);
    assert_true(before > 1);
    assert_text(verify(f, "shop", NULL), "verdict", "intact");
    assert_int_equal(unlink(ballast), 0);
    assert_int_equal(append(f->store, "shop", "{}"), before + 1);
    nip_store_free(f->store);
    f->store = open_store(f);
    assert_int_equal(nip__store_head(f->store, "shop", &after, NULL), 0);
    assert_int_equal(after, before + 1);
    assert_text(verify(f, "shop", NULL), "verdict", "intact");
    unmount_disk(f);
}

static void test_no_space_for_a_new_store(void **state)
{
    fixture *f = *state;
    if (!mount_disk(f, "size=32k"))
        skip();
    char ballast[PATH_MAX];
    static char bytes[28000];
    memset(bytes, 'x', sizeof bytes - 1);
    snprintf(ballast, sizeof ballast, "%s/ballast", f->folder);
    write_file(ballast, bytes);
    nip_store *store = NULL;
    assert_fails(open_at(f, f->url, &store, &err), NIP_E_FULL, "");
    assert_int_equal(unlink(ballast), 0);
    assert_int_equal(umount(f->folder), 0);
}

/* SQLite's own file system with a switch: the k-th flush or write from now on fails, and all after it. */
static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    sqlite3_io_methods methods[2]; /* of the database itself, which has locks and shared memory, and of all others */
    const sqlite3_io_methods *real_methods;
    int flushes_left, writes_left; /* -1: all go well */
} disk;

static bool goes_well(int *left)
{
    if (*left < 0)
        return true;
    if (*left == 0)
        return false;
    (*left)--;
    return true;
}

static int disk_sync(sqlite3_file *file, int flags)
{
    return goes_well(&disk.flushes_left) ? disk.real_methods->xSync(file, flags) : SQLITE_IOERR_FSYNC;
}

static int disk_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset)
{
    return goes_well(&disk.writes_left) ? disk.real_methods->xWrite(file, bytes, length, offset) : SQLITE_IOERR_WRITE;
}

static int disk_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    int result = disk.real->xOpen(disk.real, name, file, flags, out);
    if (result == SQLITE_OK && file->pMethods != NULL) {
        sqlite3_io_methods *methods = &disk.methods[(flags & SQLITE_OPEN_MAIN_DB) != 0];
        disk.real_methods = file->pMethods;
        *methods = *file->pMethods;
        methods->xSync = disk_sync;
        methods->xWrite = disk_write;
        file->pMethods = methods;
    }
    return result;
}

static int setup_disk(void **state)
{
    disk.real = sqlite3_vfs_find(NULL);
    disk.vfs = *disk.real;
    disk.vfs.zName = "failing";
    disk.vfs.xOpen = disk_open;
    disk.flushes_left = disk.writes_left = -1;
    sqlite3_vfs_register(&disk.vfs, 1);
    return setup_sqlite(state);
}

static int teardown_disk(void **state)
{
    disk.flushes_left = disk.writes_left = -1;
    int rc = teardown(state);
    sqlite3_vfs_register(disk.real, 1);
    sqlite3_vfs_unregister(&disk.vfs);
    return rc;
}

/* Whatever fails, the answer is true: a failure left nothing, a success is there, and the next goes on from it. */
static void check_failure(fixture *f, int *left, int after)
{
    int64_t before = 0, now = 0;
    assert_int_equal(nip__store_head(f->store, "shop", &before, NULL), 0);
    *left = after;
    nip_error *err = NULL;
    int rc = nip_journal_append(f->store, "shop", before, "note.written", AT, "{}", NULL, &err);
    *left = -1;
    if (rc != 0)
        assert_failure(rc, err, NIP_E_STORE, "cannot write");
    assert_int_equal(nip__store_head(f->store, "shop", &now, NULL), 0);
    assert_int_equal(now, rc == 0 ? before + 1 : before);
    assert_int_equal(append(f->store, "shop", "{}"), now + 1);
    assert_text(verify(f, "shop", NULL), "verdict", "intact");
}

static void test_a_disk_that_fails_at_every_place(void **state)
{
    fixture *f = *state;
    append(f->store, "shop", "{}");
    for (int after = 0; after < 4; after++) {
        check_failure(f, &disk.flushes_left, after);
        check_failure(f, &disk.writes_left, after);
    }
    nip_store_free(f->store);
    f->store = open_store(f);
    assert_text(verify(f, "shop", NULL), "verdict", "intact");
    assert_text(verify(f, "@store", NULL), "verdict", "intact");
}

static int flushes_of(fixture *f, const char *subject)
{
    disk.flushes_left = 1000;
    append(f->store, subject, "{}");
    int used = 1000 - disk.flushes_left;
    disk.flushes_left = -1;
    return used;
}

static void test_one_flush_an_append(void **state)
{
    fixture *f = *state;
    append(f->store, "shop", "{}");
    for (int i = 0; i < 20; i++)
        assert_int_equal(flushes_of(f, "shop"), 1);
    assert_int_equal(flushes_of(f, "mail"), 1); /* the first of a subject writes two records, in one transaction */
}

#define ON_DISK(test)                                                                                                  \
    {                                                                                                                  \
#test, test, setup_disk, teardown_disk, NULL                                                                   \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_FOLDER(test_urls),
        ON_FOLDER(test_file_and_folder_are_private),
        ON_FOLDER(test_names_are_names),
        ON_SQLITE(test_it_is_still_there_after_closing),
        ON_FOLDER(test_foreign_files),
        ON_FOLDER(test_an_empty_file_becomes_a_store),
        ON_FOLDER(test_several_make_the_same_store),
        ON_FOLDER(test_places_that_cannot_be),
        cmocka_unit_test(test_network_file_systems),
        ON_SQLITE(test_readers_see_what_a_writer_writes),
        ON_FOLDER(test_a_disk_that_may_only_be_read),
        ON_FOLDER(test_a_folder_that_may_not_be_written),
        ON_FOLDER(test_a_full_disk),
        ON_FOLDER(test_no_space_for_a_new_store),
        ON_DISK(test_a_disk_that_fails_at_every_place),
        ON_DISK(test_one_flush_an_append),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
