{{- define "database.name" -}}
{{ required "service: the service that owns the database is missing" .Values.service }}-database
{{- end -}}

{{- define "database.selector" -}}
app.kubernetes.io/name: {{ include "database.name" . }}
app.kubernetes.io/part-of: kvartal
{{- end -}}

{{- define "database.labels" -}}
{{ include "database.selector" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Values.image.tag | quote }}
app.kubernetes.io/component: database
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "database.credentials" -}}
{{ .Values.credentialsSecret | default (include "database.name" .) }}
{{- end -}}

{{/* Settings: the chart's, then those of the values. Memory follows the limit of the container. */}}
{{- define "database.parameters" -}}
{{- $own := dict
  "max_connections" "100"
  "shared_buffers" "64MB"
  "wal_level" "replica"
  "max_wal_size" "512MB"
  "log_destination" "stderr"
  "logging_collector" "off"
  "log_min_duration_statement" "500ms"
  "password_encryption" "scram-sha-256"
  "idle_in_transaction_session_timeout" "60s"
  "dynamic_shared_memory_type" "posix" -}}
{{- if eq .Values.engine "timescaledb" -}}
{{- $own = set $own "shared_preload_libraries" "timescaledb" -}}
{{- end -}}
{{- range $name, $value := merge (dict) .Values.parameters $own }}
{{ $name }} = '{{ $value | toString | replace "'" "''" }}'
{{- end }}
{{- end -}}
