{{- define "database.name" -}}
{{ required "service: the service that owns the database is missing, such as --set service=incident" .Values.service }}-database
{{- end -}}

{{- define "database.selector" -}}
app.kubernetes.io/name: {{ include "database.name" . }}
app.kubernetes.io/part-of: kvartal
{{- end -}}

{{/* Of pods: no label that would start the database anew without need. */}}
{{- define "database.podLabels" -}}
{{ include "database.selector" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: database
{{- end -}}

{{- define "database.labels" -}}
{{ include "database.podLabels" . }}
app.kubernetes.io/version: {{ (include "database.defaults" . | fromYaml).tag | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* What differs between the engines: image, who the process is, where it listens. */}}
{{- define "database.defaults" -}}
{{- $engines := dict
  "postgres" (dict "repository" "kvartal-postgres" "tag" "15" "user" 101 "group" 103 "port" 5432 "portName" "postgres")
  "timescaledb" (dict "repository" "kvartal-timescaledb" "tag" "15" "user" 101 "group" 103 "port" 5432 "portName" "postgres")
  "clickhouse" (dict "repository" "clickhouse/clickhouse-server" "tag" "25.8" "user" 101 "group" 101 "port" 8123 "portName" "http") -}}
{{- $own := get $engines .Values.engine -}}
{{- with .Values.image.repository }}{{ $_ := set $own "repository" . }}{{ end -}}
{{- with .Values.image.tag }}{{ $_ := set $own "tag" . }}{{ end -}}
{{ toYaml $own }}
{{- end -}}

{{- define "database.image" -}}
{{- $own := include "database.defaults" . | fromYaml -}}
{{ $own.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ $own.tag }}{{ end }}
{{- end -}}

{{- define "database.credentials" -}}
{{ .Values.credentialsSecret | default (include "database.name" .) }}
{{- end -}}

{{- define "database.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* The configuration file of the engine. */}}
{{- define "database.configuration" -}}
{{- if eq .Values.engine "clickhouse" -}}
{{ include "database.clickhouse.configuration" . }}
{{- else -}}
{{ include "database.postgres.configuration" . }}
{{- end -}}
{{- end -}}

{{/* The limit of memory in MiB. */}}
{{- define "database.memory" -}}
{{- $limit := dig "limits" "memory" "512Mi" .Values.resources | toString -}}
{{- $number := regexFind "^[0-9]+" $limit | int64 -}}
{{- $unit := regexFind "[A-Za-z]+$" $limit -}}
{{- if eq $unit "Gi" }}{{ mul $number 1024 }}{{ else if eq $unit "Mi" }}{{ $number }}{{ else -}}
{{ fail (printf "resources.limits.memory: %s must be a whole number of Mi or Gi, such as 512Mi" $limit) }}
{{- end -}}
{{- end -}}
