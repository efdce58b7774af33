{{/* postgresql.conf: the chart's settings, then those of the values. */}}
{{- define "database.postgres.configuration" -}}
{{- $memory := include "database.memory" . | int64 -}}
{{- $own := dict
  "max_connections" "100"
  "shared_buffers" (printf "%dMB" (div $memory 4))
  "effective_cache_size" (printf "%dMB" (div (mul $memory 3) 4))
  "wal_level" "replica"
  "max_wal_size" "512MB"
  "log_destination" "stderr"
  "logging_collector" "off"
  "log_min_duration_statement" "500ms"
  "password_encryption" "scram-sha-256"
  "idle_in_transaction_session_timeout" "60s"
  "dynamic_shared_memory_type" "posix" -}}
{{- if eq .Values.engine "timescaledb" -}}
{{- $_ := set $own "shared_preload_libraries" "timescaledb" -}}
{{- end -}}
# Written by the chart; change `parameters` in the values.
{{- range $name, $value := merge (dict) .Values.parameters $own }}
{{ $name }} = '{{ $value | toString | replace "'" "''" }}'
{{- end }}
{{- end -}}

{{- define "database.postgres.container" -}}
env:
  - {name: PGDATA, value: /var/lib/postgresql/data}
  - {name: CREDENTIALS, value: /run/secrets/database}
  - {name: CONFIGURATION, value: /etc/kvartal/postgresql.conf}
startupProbe:
  exec: {command: [pg_isready, --host, /var/run/postgresql]}
  periodSeconds: 2
  failureThreshold: 150
readinessProbe:
  exec: {command: [pg_isready, --host, /var/run/postgresql]}
  periodSeconds: 10
  timeoutSeconds: 5
# Without a program that a busy node starts late: it must not end a database that works.
livenessProbe:
  tcpSocket: {port: postgres}
  periodSeconds: 15
  timeoutSeconds: 5
  failureThreshold: 8
lifecycle:
  # Fast: sessions are ended, the data is checkpointed. The default of SIGTERM waits for every client.
  preStop: {exec: {command: [pg_ctl, stop, --mode, fast, --no-wait]}}
volumeMounts:
  - {name: data, mountPath: /var/lib/postgresql}
  - {name: credentials, mountPath: /run/secrets/database, readOnly: true}
  - {name: configuration, mountPath: /etc/kvartal, readOnly: true}
  - {name: run, mountPath: /var/run/postgresql}
  - {name: temporary, mountPath: /tmp}
  - {name: memory, mountPath: /dev/shm}
{{- end -}}

{{- define "database.postgres.volumes" -}}
- {name: run, emptyDir: {sizeLimit: 1Mi}}
- {name: temporary, emptyDir: {sizeLimit: 256Mi}}
- {name: memory, emptyDir: {medium: Memory, sizeLimit: 128Mi}}
{{- end -}}
