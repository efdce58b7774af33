{{/* What the contract says of this service. */}}
{{- define "service.facts" -}}
{{- $all := (.Files.Get "contract.yaml" | fromYaml).services -}}
{{- if not (hasKey $all .Values.service) -}}
{{- fail (printf "service: %q is not a service; there are: %s" .Values.service (keys $all | sortAlpha | join ", ")) -}}
{{- end -}}
{{- get $all .Values.service | toYaml -}}
{{- end -}}

{{- define "service.selector" -}}
app.kubernetes.io/name: {{ .Values.service }}
app.kubernetes.io/part-of: kvartal
{{- end -}}

{{- define "service.labels" -}}
{{ include "service.selector" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: service
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "service.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "service.databaseSecret" -}}
{{ .Values.secrets.database | default (printf "%s-database" .Values.service) }}
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

{{/* Where servers are, as files of secrets: nothing secret stands in an environment. */}}
{{- define "service.env" -}}
{{- $facts := include "service.facts" . | fromYaml -}}
- {name: KVARTAL_DATA_DIR, value: /data}
- {name: KVARTAL_LOG_FORMAT, value: json}
- {name: KVARTAL_LOG, value: {{ .Values.logLevel | quote }}}
- {name: KVARTAL_ENVIRONMENT, value: {{ .Values.environment | quote }}}
- {name: KVARTAL_PUBLIC_URL, value: {{ .Values.publicUrl | quote }}}
{{- if ne $facts.engine "none" }}
- {name: KVARTAL_DATABASE_URL_FILE, value: /run/secrets/database/url}
{{- end }}
{{- if $facts.bus }}
- {name: KVARTAL_BUS_URL_FILE, value: /run/secrets/bus/url}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
