{{/* Labels that pods are chosen by; called with (list context name). */}}
{{- define "platform.selector" -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/part-of: kvartal
{{- end -}}

{{/* Of pods: no label that would start them anew without need. */}}
{{- define "platform.podLabels" -}}
{{ include "platform.selector" . }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
{{- end -}}

{{- define "platform.labels" -}}
{{- $root := index . 0 -}}
{{ include "platform.podLabels" . }}
app.kubernetes.io/version: {{ $root.Values.image.tag | default $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "platform.metadata" -}}
name: {{ index . 1 }}
namespace: {{ (index . 0).Release.Namespace }}
labels: {{- include "platform.labels" . | nindent 2 }}
{{- end -}}

{{/* Called with (list image default-tag). */}}
{{- define "platform.imageOf" -}}
{{- $image := index . 0 -}}
{{ $image.repository }}{{ if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default (index . 1) }}{{ end }}
{{- end -}}

{{- define "platform.image" -}}
{{ include "platform.imageOf" (list .Values.image .Chart.AppVersion) }}
{{- end -}}

{{/* The restricted Pod Security Standard. */}}
{{- define "platform.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "platform.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* What every pod of the chart has; called with (list context name). */}}
{{- define "platform.pod" -}}
{{- $root := index . 0 -}}
securityContext: {{- include "platform.podSecurity" $root | nindent 2 }}
enableServiceLinks: false
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $root.Values.topologySpread.enabled }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "platform.selector" . | nindent 8 }}
{{- end }}
{{- with $root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Where traces go, HOST:PORT; nothing when nowhere. */}}
{{- define "platform.traces" -}}
{{- if .Values.tracing.collector -}}
{{ .Values.tracing.collector }}
{{- else if .Values.collector.enabled -}}
collector:4318
{{- else if .Values.jaeger.enabled -}}
jaeger:4318
{{- end -}}
{{- end -}}

{{/* Labels of what the Prometheus operator reads. */}}
{{- define "platform.prometheusLabels" -}}
{{ include "platform.labels" . }}
{{- with (index . 0).Values.prometheus.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}
