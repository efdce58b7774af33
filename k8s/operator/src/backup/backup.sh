# Makes backup NAME of DATABASE on HOST, with what it must hold, both from one snapshot. Keeps KEEP backups.
begin=$(date +%s)
connect_to "$HOST"
cd "$BACKUPS"
# What a try that was cut short left.
rm -f ./*.part
rm -f /tmp/dumped
export NAME DATABASE
{
  printf '%s\n' "$CONTENT" "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;" \
    "SELECT pg_catalog.pg_export_snapshot() AS snapshot \\gset" "\\setenv SNAPSHOT :snapshot" \
    "\\o $NAME.content.part" "$TABLES" "\\o" \
    "\\! pg_dump --snapshot=\"\$SNAPSHOT\" --format=custom --compress=6 --file=\"\$NAME.dump.part\" \"\$DATABASE\" && touch /tmp/dumped" \
    "COMMIT;"
} > /tmp/backup.sql
psql --no-psqlrc --quiet --dbname "$DATABASE" --file /tmp/backup.sql > /tmp/output 2>&1 || fail "the database could not be read: $(tail -c 500 /tmp/output)"
[ -e /tmp/dumped ] || fail "pg_dump failed: $(tail -c 500 /tmp/output)"
sed -i '/^$/d' "$NAME.content.part"
sha256sum < "$NAME.dump.part" | cut -d' ' -f1 > "$NAME.sha256.part"
# On the disk before it counts; the dump itself last, for it is what makes a backup.
sync
for part in content sha256 dump; do mv "$NAME.$part.part" "$NAME.$part"; done
sync
# The newest ones stay, and the newest one that was checked.
checked=$(ls -1 ./*.verified 2>/dev/null | sed 's/^\.\///; s/\.verified$//' | sort | tail -n 1)
ls -1 ./*.dump | sed 's/^\.\///; s/\.dump$//' | sort -r | tail -n "+$((KEEP + 1))" | while read -r old; do
  [ "$old" = "$checked" ] || rm -f "$old.dump" "$old.content" "$old.sha256" "$old.verified"
done
say "{\"name\":\"$NAME\",\"bytes\":$(stat -c %s "$NAME.dump"),$(numbers "$NAME.content"),\"seconds\":$(($(date +%s) - begin))}"
