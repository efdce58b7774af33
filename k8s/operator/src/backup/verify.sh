# Restores backup NAME into a throw-away server and compares what is there with what there was.
begin=$(date +%s)
cd "$BACKUPS"
[ -e "$NAME.dump" ] || fail "$NAME: there is no such backup"
[ "$(sha256sum < "$NAME.dump" | cut -d' ' -f1)" = "$(cat "$NAME.sha256")" ] || fail "$NAME is damaged: its checksum is another one than when it was written"
throw_away_server
createdb check
pg_restore --exit-on-error --no-owner --no-privileges --jobs 2 --dbname check "$NAME.dump" > /tmp/output 2>&1 \
  || fail "$NAME cannot be restored: $(tail -c 500 /tmp/output)"
printf '%s\n' "$CONTENT" "$TABLES" > /tmp/check.sql
psql --no-psqlrc --quiet --dbname check --file /tmp/check.sql > /tmp/content 2> /tmp/output || fail "$NAME cannot be read after its restore: $(tail -c 500 /tmp/output)"
sed -i '/^$/d' /tmp/content
if ! diff "$NAME.content" /tmp/content > /tmp/difference; then
  fail "$NAME differs from what was there: $(head -c 500 /tmp/difference | tr '\n' ';')"
fi
pg_ctl --mode immediate --silent stop || true
touch "$NAME.verified"
say "{\"name\":\"$NAME\",\"bytes\":$(stat -c %s "$NAME.dump"),$(numbers /tmp/content),\"seconds\":$(($(date +%s) - begin))}"
