/* Fields of a line of comma-separated values (RFC 4180). */
#ifndef NIP__CSV_H
#define NIP__CSV_H

/* Takes the next field from *rest, in place; fields in quotes may hold commas and doubled quotes. *rest is NULL after the last one. */
char *nip__csv_field(char **rest);

#endif
