{{/* The router's container: of the sidecar, and of mode `router`. */}}
{{- define "router.container" -}}
{{- $tcp := eq (include "router.transport" .) "tcp" -}}
name: router
image: {{ include "router.image" (dict "image" .Values.image "tag" .Chart.AppVersion) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
command: [router-extproc]
args:
- serve
- --policy=/etc/router-extproc
- --listen={{ $tcp | ternary (printf "0.0.0.0:%d" (int .Values.router.port)) "unix:/run/router-extproc/ext_proc.sock" }}
- --metrics=0.0.0.0:{{ .Values.router.metricsPort }}
- --encoder-threads={{ include "router.threads" . }}
- --log-level={{ .Values.router.logLevel }}
- --decision-sample={{ .Values.router.decisionSample }}
- --grace={{ .Values.envoy.drainSeconds }}
{{- with .Values.router.otlp }}
- --otlp={{ . }}
{{- end }}
{{- if .Values.router.tlsSecretName }}
- --tls-cert=/etc/router-extproc-tls/tls.crt
- --tls-key=/etc/router-extproc-tls/tls.key
{{- end }}
{{- with .Values.router.state }}
{{- if .secretName }}
- --state-file=/etc/router-extproc-state/{{ .key }}
- --state-timeout-ms={{ .timeoutMs }}
{{- with .cacheSecretKey }}
- --cache-secret-file=/etc/router-extproc-state/{{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.router.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- with .Values.router.extraEnv }}
env:
{{ toYaml . }}
{{- end }}
ports:
{{- if $tcp }}
- {name: grpc, containerPort: {{ .Values.router.port }}}
{{- end }}
- {name: router-metrics, containerPort: {{ .Values.router.metricsPort }}}
{{- $grpc := and $tcp (not .Values.router.tlsSecretName) }}
startupProbe:
{{- include "router.probe" (list $grpc "readiness" "/readyz" .) | nindent 2 }}
  periodSeconds: 1
  # A policy with 20,000 exemplars takes a minute of a whole core to load.
  failureThreshold: 180
readinessProbe:
{{- include "router.probe" (list $grpc "readiness" "/readyz" .) | nindent 2 }}
  periodSeconds: 5
livenessProbe:
{{- include "router.probe" (list $grpc "liveness" "/healthz" .) | nindent 2 }}
  periodSeconds: 10
  failureThreshold: 6
{{- $native := semverCompare ">=1.29.0-0" .Capabilities.KubeVersion.Version }}
{{- if or (ne .Values.mode "standalone") (not $native) }}
lifecycle:
  preStop:
    exec:
      # {{ eq .Values.mode "standalone" | ternary "Envoy still drains, and asks for each request." "The endpoints go first." }}
      command: [python3, -c, "import time; time.sleep({{ eq .Values.mode "standalone" | ternary (add 6 (int .Values.envoy.drainSeconds)) 5 }})"]
{{- end }}
resources:
{{- toYaml .Values.router.resources | nindent 2 }}
securityContext:
{{- include "router.locked" . | nindent 2 }}
volumeMounts:
- {name: policy, mountPath: /etc/router-extproc, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if not $tcp }}
- {name: socket, mountPath: /run/router-extproc}
{{- end }}
{{- if .Values.router.tlsSecretName }}
- {name: tls, mountPath: /etc/router-extproc-tls, readOnly: true}
{{- end }}
{{- if .Values.router.state.secretName }}
- {name: state, mountPath: /etc/router-extproc-state, readOnly: true}
{{- end }}
{{- with .Values.router.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The volume of a policy: list of the top and its ConfigMap. With the files that it names beside it, if there are any. */}}
{{- define "router.policyVolume" -}}
{{- $files := (index . 0).Values.policyFiles -}}
{{- if $files -}}
- name: policy
  projected:
    sources:
    - configMap: {name: {{ index . 1 }}}
    {{- range $files }}
    - configMap: {name: {{ .configMap }}}
    {{- end }}
{{- else -}}
- {name: policy, configMap: {name: {{ index . 1 }}}}
{{- end -}}
{{- end -}}

{{/* A probe on gRPC health, or over HTTP where the gRPC port is a socket or speaks TLS, which the kubelet cannot. */}}
{{- define "router.probe" -}}
{{- $grpc := index . 0 -}}
{{- $top := index . 3 -}}
timeoutSeconds: 3
{{- if $grpc }}
grpc: {port: {{ $top.Values.router.port }}, service: {{ index . 1 }}}
{{- else }}
httpGet: {port: router-metrics, path: {{ index . 2 }}}
{{- end }}
{{- end -}}

{{- define "router.locked" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* Threads of the encoder: of the CPU limit, else of the request rounded up. With a limit the router reads it from its cgroup: 0. */}}
{{- define "router.threads" -}}
{{- $resources := .Values.router.resources -}}
{{- $cpu := toString (dig "requests" "cpu" "" $resources) -}}
{{- if or .Values.router.encoderThreads (dig "limits" "cpu" "" $resources) (not $cpu) -}}
{{ .Values.router.encoderThreads }}
{{- else if hasSuffix "m" $cpu -}}
{{ max 1 (divf (trimSuffix "m" $cpu) 1000 | ceil) }}
{{- else -}}
{{ max 1 (ceil $cpu) }}
{{- end -}}
{{- end -}}
