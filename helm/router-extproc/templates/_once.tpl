{{/* The spec of a pod that runs one command of the router on a policy: list of the top, a name, arguments, the ConfigMap, and the program if it is another. */}}
{{- define "router.once" -}}
{{- $top := index . 0 -}}
restartPolicy: Never
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $top.Values.imagePullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . }}
{{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  seccompProfile: {type: RuntimeDefault}
{{- with $top.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $top.Values.tolerations }}
tolerations: {{- toYaml . | nindent 0 }}
{{- end }}
containers:
- name: {{ index . 1 }}
  image: {{ include "router.image" (dict "image" $top.Values.image "tag" $top.Chart.AppVersion) }}
  imagePullPolicy: {{ $top.Values.image.pullPolicy }}
  command: [{{ gt (len .) 4 | ternary (last .) "router-extproc" }}]
  args: {{- toYaml (index . 2) | nindent 2 }}
  resources:
    requests: {cpu: 100m, memory: 256Mi}
    limits: {memory: 1Gi}
  securityContext:
    {{- include "router.locked" $top | nindent 4 }}
  volumeMounts:
  - {name: policy, mountPath: /etc/router-extproc, readOnly: true}
  - {name: tmp, mountPath: /tmp}
volumes:
{{ include "router.policyVolume" (list $top (index . 3)) }}
- {name: tmp, emptyDir: {medium: Memory, sizeLimit: 64Mi}}
{{- end -}}
