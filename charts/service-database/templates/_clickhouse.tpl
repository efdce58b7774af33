{{/* config.xml, whole: what the image brings is not used, so that another image makes no other database. */}}
{{- define "database.clickhouse.configuration" -}}
{{- $memory := include "database.memory" . | int64 -}}
{{- if lt $memory 1024 -}}
{{ fail (printf "resources.limits.memory: ClickHouse needs at least 1Gi, not %dMi" $memory) }}
{{- end -}}
{{- $own := dict
  "max_server_memory_usage" (div (mul (mul $memory 1048576) 8) 10)
  "mark_cache_size" (div (mul $memory 1048576) 8)
  "max_concurrent_queries" 100
  "mlock_executable" "false" -}}
<!-- Written by the chart; change `parameters` in the values. -->
<yandex>
  <logger><level>warning</level><console>true</console></logger>
  <listen_host>0.0.0.0</listen_host>
  <http_port>8123</http_port>
  <tcp_port>9000</tcp_port>
  <path>/var/lib/clickhouse/</path>
  <tmp_path>/var/lib/clickhouse/tmp/</tmp_path>
  <user_files_path>/var/lib/clickhouse/user_files/</user_files_path>
  <format_schema_path>/var/lib/clickhouse/format_schemas/</format_schema_path>
  <users_config>/run/clickhouse/users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  {{- range $name, $value := merge (dict) .Values.parameters $own }}
  <{{ $name }}>{{ $value | toString | html }}</{{ $name }}>
  {{- end }}
</yandex>
{{- end -}}

{{/* Writes the user with the hash of the password, which ClickHouse cannot read from a file itself, and becomes ClickHouse. */}}
{{- define "database.clickhouse.start" -}}
set -eu
credentials=/run/secrets/database
user=$(cat "$credentials/username")
database=$(cat "$credentials/database")
case "$user$database" in *[!A-Za-z0-9_]*) echo "username and database may hold letters, digits and _ only" >&2; exit 1;; esac
hash=$(printf %s "$(cat "$credentials/password")" | sha256sum | cut -c 1-64)
umask 077
cat > /run/clickhouse/users.xml <<XML
<yandex>
  <profiles><default><load_balancing>random</load_balancing></default></profiles>
  <quotas><default><interval><duration>3600</duration><queries>0</queries><errors>0</errors><result_rows>0</result_rows><read_rows>0</read_rows><execution_time>0</execution_time></interval></default></quotas>
  <users>
    <$user>
      <password_sha256_hex>$hash</password_sha256_hex>
      <networks><ip>::/0</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <default_database>$database</default_database>
    </$user>
  </users>
</yandex>
XML
# Beside the configuration, so that the two are merged.
mkdir -p /run/clickhouse/config.d
cp /etc/kvartal/config.xml /run/clickhouse/config.xml
cat > /run/clickhouse/config.d/database.xml <<XML
<yandex>
  <startup_scripts><scripts><query>CREATE DATABASE IF NOT EXISTS $database</query></scripts></startup_scripts>
</yandex>
XML
exec clickhouse-server --config-file=/run/clickhouse/config.xml
{{- end -}}

{{- define "database.clickhouse.container" -}}
command: [sh, -c]
args:
  - |
    {{- include "database.clickhouse.start" . | nindent 4 }}
startupProbe:
  httpGet: {path: /ping, port: http}
  periodSeconds: 2
  failureThreshold: 150
readinessProbe:
  httpGet: {path: /ping, port: http}
  periodSeconds: 5
livenessProbe:
  httpGet: {path: /ping, port: http}
  periodSeconds: 15
  failureThreshold: 6
volumeMounts:
  - {name: data, mountPath: /var/lib/clickhouse}
  - {name: credentials, mountPath: /run/secrets/database, readOnly: true}
  - {name: configuration, mountPath: /etc/kvartal, readOnly: true}
  - {name: run, mountPath: /run/clickhouse}
  - {name: temporary, mountPath: /tmp}
{{- end -}}

{{- define "database.clickhouse.volumes" -}}
- {name: run, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
- {name: temporary, emptyDir: {sizeLimit: 256Mi}}
{{- end -}}
