# Sourced: how these tests tell what they found. wants: $folder, for the log.
passed=0

ok() {
    passed=$((passed + 1))
    echo "ok: $1"
}

quietly() {
    "$@" >"$folder/log" 2>&1 || {
        echo "failed: $*"
        tail -40 "$folder/log"
        exit 1
    }
}

# there FILE...: each is one.
there() {
    for file; do
        [ -e "$file" ] || {
            echo "not installed: $file"
            exit 1
        }
    done
}
