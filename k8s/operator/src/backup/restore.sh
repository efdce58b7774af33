# Restores backup NAME, or the newest, into DATABASE on HOST, if nothing is in it. OWNER: whose it becomes.
begin=$(date +%s)
cd "$BACKUPS"
NAME=${NAME:-$(newest)}
[ -n "$NAME" ] || fail "there is no backup"
[ -e "$NAME.dump" ] || fail "$NAME: there is no such backup"
[ "$(sha256sum < "$NAME.dump" | cut -d' ' -f1)" = "$(cat "$NAME.sha256")" ] || fail "$NAME is damaged: its checksum is another one than when it was written"
connect_to "$HOST"
tables=$(psql --no-psqlrc --tuples-only --no-align --dbname "$DATABASE" --command "SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'") \
  || fail "$DATABASE cannot be read"
if [ "$tables" = 0 ]; then
  # All or nothing: what is cut short leaves an empty database, and is done again.
  pg_restore --exit-on-error --single-transaction --no-owner --no-privileges --role "$OWNER" --dbname "$DATABASE" "$NAME.dump" > /tmp/output 2>&1 \
    || fail "$NAME cannot be restored: $(tail -c 500 /tmp/output)"
fi
printf '%s\n' "$CONTENT" "$TABLES" > /tmp/check.sql
psql --no-psqlrc --quiet --dbname "$DATABASE" --file /tmp/check.sql > /tmp/content 2> /tmp/output || fail "$DATABASE cannot be read: $(tail -c 500 /tmp/output)"
sed -i '/^$/d' /tmp/content
diff "$NAME.content" /tmp/content > /tmp/difference || fail "$DATABASE holds something else than $NAME, and is left as it is: $(head -c 500 /tmp/difference | tr '\n' ';')"
say "{\"name\":\"$NAME\",\"bytes\":$(stat -c %s "$NAME.dump"),$(numbers /tmp/content),\"seconds\":$(($(date +%s) - begin))}"
