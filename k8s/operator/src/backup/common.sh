# What backups, checks and restores share. CREDENTIALS: a folder with `superuser-password`; BACKUPS: the volume.
set -eu
umask 077
export LC_ALL=C.UTF-8 PGCONNECT_TIMEOUT=10 TZ=UTC
say() { printf '%s' "$1" > "$TERMINATION"; printf '%s\n' "$1"; }
fail() { say "$1"; exit 1; }

# Each table with its number of rows and a sum over their content that does not depend on their order.
# Settings that change how values are written are those of pg_dump.
CONTENT=$(cat <<'SQL'
\set ON_ERROR_STOP on
\pset tuples_only on
\pset format unaligned
\pset fieldsep ' '
SET datestyle = ISO; SET intervalstyle = postgres; SET extra_float_digits = 3; SET timezone = 'UTC';
SET search_path = ''; SET statement_timeout = 0; SET row_security = off;
SQL
)
TABLES=$(cat <<'SQL'
SELECT pg_catalog.format(
  'SELECT %L, count(*), coalesce(sum(pg_catalog.hashtextextended(t::text, 0)::numeric), 0) FROM ONLY %I.%I t',
  n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY n.nspname, c.relname \gexec
SQL
)

connect_to() { # host
  host=$1
  # A password on a command line or in the environment could be read by others; here only by us. One that a person has
  # chosen may hold what has a meaning in this file.
  printf '*:*:*:postgres:%s\n' "$(sed 's/[\\:]/\\&/g' "$CREDENTIALS/superuser-password")" > /tmp/pgpass
  export PGPASSFILE=/tmp/pgpass PGHOST="$host" PGPORT="${DATABASE_PORT:-5432}" PGUSER=postgres
  # Policies of the network may let a new pod through a moment after it has begun.
  tries=0
  until pg_isready --quiet || [ "$tries" -ge 60 ]; do tries=$((tries + 1)); sleep 1; done
}

throw_away_server() {
  PGDATA=$SCRATCH/data; export PGDATA
  rm -rf "$PGDATA"
  initdb --username postgres --auth trust --encoding UTF8 --locale C.UTF-8 --no-sync > /tmp/initdb 2>&1 \
    || fail "no throw-away server: $(tail -c 500 /tmp/initdb)"
  pg_ctl --wait --silent --log /tmp/server \
    --options "-c listen_addresses= -c unix_socket_directories=$SCRATCH -c fsync=off -c full_page_writes=off -c max_wal_size=1GB" start \
    || fail "no throw-away server: $(tail -c 500 /tmp/server)"
  export PGHOST="$SCRATCH" PGUSER=postgres
}

newest() { ls -1 "$BACKUPS" 2>/dev/null | sed -n 's/^\([0-9]\{8\}t[0-9]\{6\}z\)\.dump$/\1/p' | sort | tail -n 1; }
numbers() { awk '{ tables++; rows += $(NF - 1) } END { printf "\"tables\":%d,\"rows\":%d", tables, rows }' "$1"; }
