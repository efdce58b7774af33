{{- define "platform.env" -}}
- {name: KVARTAL_DATA_DIR, value: /data}
- {name: KVARTAL_LOG_FORMAT, value: json}
- {name: KVARTAL_LOG, value: {{ .Values.logLevel | quote }}}
- {name: KVARTAL_ENVIRONMENT, value: {{ .Values.environment | quote }}}
- {name: KVARTAL_PUBLIC_URL, value: {{ .Values.publicUrl | quote }}}
- {name: KVARTAL_REDIS_URL_FILE, value: /run/secrets/redis/url}
- {name: KVARTAL_TLS_DIR, value: /run/secrets/tls}
- {name: KVARTAL_PROBE_LISTEN, value: "0.0.0.0:9091"}
- {name: KVARTAL_GATEWAY_PROBE_LISTEN, value: "0.0.0.0:9091"}
- {name: KVARTAL_SERVICE_URL, value: "k8s://{{ .Release.Namespace }}/{service}:grpc"}
{{- with include "platform.traces" . }}
- {name: KVARTAL_OTLP_ENDPOINT, value: {{ printf "http://%s" . | quote }}}
{{- end }}
{{- end -}}

{{/* A Deployment of Kvartal's own program; called with (list context name arguments port settings). */}}
{{- define "platform.deployment" -}}
{{- $root := index . 0 }}{{ $name := index . 1 }}{{ $arguments := index . 2 }}{{ $port := index . 3 }}{{ $settings := index . 4 -}}
apiVersion: apps/v1
kind: Deployment
metadata: {{- include "platform.metadata" (list $root $name) | nindent 2 }}
spec:
  replicas: {{ $settings.replicas }}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  selector:
    matchLabels: {{- include "platform.selector" (list $root $name) | nindent 6 }}
  template:
    metadata:
      labels: {{- include "platform.podLabels" (list $root $name) | nindent 8 }}
    spec:
      serviceAccountName: gateway
      terminationGracePeriodSeconds: 35
      {{- include "platform.pod" (list $root $name) | nindent 6 }}
      containers:
        - name: {{ $name }}
          image: {{ include "platform.image" $root | quote }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: {{- toYaml $arguments | nindent 12 }}
          securityContext: {{- include "platform.containerSecurity" $root | nindent 12 }}
          env:
            {{- include "platform.env" $root | nindent 12 }}
            {{- with $settings.rateFactor }}
            - {name: KVARTAL_RATE_FACTOR, value: {{ int . | quote }}}
            {{- end }}
          ports: [{name: main, containerPort: {{ $port }}}, {name: probes, containerPort: 9091}]
          startupProbe: {httpGet: {path: /livez, port: probes}, periodSeconds: 1, failureThreshold: 120}
          readinessProbe: {httpGet: {path: /healthz, port: probes}, periodSeconds: 2, failureThreshold: 2}
          livenessProbe: {httpGet: {path: /livez, port: probes}, periodSeconds: 10, failureThreshold: 3}
          lifecycle: {preStop: {sleep: {seconds: 3}}}
          resources: {{- toYaml $settings.resources | nindent 12 }}
          volumeMounts:
            - {name: data, mountPath: /data}
            - {name: tls, mountPath: /run/secrets/tls, readOnly: true}
            - {name: redis, mountPath: /run/secrets/redis, readOnly: true}
      volumes:
        - {name: data, emptyDir: {sizeLimit: 64Mi}}
        - name: tls
          secret: {secretName: {{ $root.Values.tlsSecret }}, defaultMode: 0440}
        - name: redis
          secret: {secretName: {{ $root.Values.redis.secret }}, defaultMode: 0440}
---
apiVersion: v1
kind: Service
metadata: {{- include "platform.metadata" (list $root $name) | nindent 2 }}
spec:
  clusterIP: None
  selector: {{- include "platform.selector" (list $root $name) | nindent 4 }}
  ports:
    - {name: main, port: {{ $port }}, targetPort: main}
    - {name: probes, port: 9091, targetPort: probes}
{{- end -}}
