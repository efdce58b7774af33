{{/* What the contract says of this service. */}}
{{- define "service.facts" -}}
{{- $all := (.Files.Get "contract.yaml" | fromYaml).services -}}
{{- if not .Values.service -}}
{{- fail (printf "service: is missing; choose one of: %s" (keys $all | sortAlpha | join ", ")) -}}
{{- end -}}
{{- if not (hasKey $all .Values.service) -}}
{{- fail (printf "service: %q is not a service; choose one of: %s" .Values.service (keys $all | sortAlpha | join ", ")) -}}
{{- end -}}
{{- get $all .Values.service | toYaml -}}
{{- end -}}

{{/* Labels of all pods of the service, and of what belongs to them. */}}
{{- define "service.part" -}}
app.kubernetes.io/name: {{ .Values.service }}
app.kubernetes.io/part-of: kvartal
{{- end -}}

{{/* The pods that answer: a Job of migrations does not. */}}
{{- define "service.selector" -}}
{{ include "service.part" . }}
app.kubernetes.io/component: service
{{- end -}}

{{- define "service.release" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "service.labels" -}}
{{ include "service.selector" . }}
{{ include "service.release" . }}
{{- end -}}

{{/* Of pods: no label that would start them anew without need. */}}
{{- define "service.podLabels" -}}
{{ include "service.selector" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
{{- end -}}

{{- define "service.migrationLabels" -}}
{{ include "service.part" . }}
app.kubernetes.io/component: migrations
{{ include "service.release" . }}
{{- end -}}

{{- define "service.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* The server of its database, and the Secret that says how to sign in. */}}
{{- define "service.database" -}}
{{ .Values.database | default .Values.service }}-database
{{- end -}}

{{- define "service.databaseSecret" -}}
{{ .Values.secrets.database | default (include "service.database" .) }}
{{- end -}}

{{- define "service.tlsSecret" -}}
{{ .Values.secrets.tls | default (printf "%s-tls" .Values.service) }}
{{- end -}}

{{/* The restricted Pod Security Standard. */}}
{{- define "service.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "service.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* A peer of a NetworkPolicy: pods of the platform with this name. */}}
{{- define "service.peer" -}}
podSelector: {matchLabels: {app.kubernetes.io/name: {{ . }}, app.kubernetes.io/part-of: kvartal}}
{{- end -}}

{{/* Names, and the service's own database: what migrations need, and the service too. */}}
{{- define "service.egress" -}}
{{- $facts := include "service.facts" . | fromYaml -}}
- ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
{{- if ne $facts.engine "none" }}
- to: [{ {{- include "service.peer" (include "service.database" .) -}} }]
  ports: [{port: {{ ternary 8123 5432 (eq $facts.engine "clickhouse") }}}]
{{- end }}
{{- with .Values.networkPolicy.egress }}
{{ toYaml . }}
{{- end }}
{{- end -}}
