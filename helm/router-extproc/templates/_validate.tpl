{{/* What the schema cannot say: rules across keys. */}}
{{- define "router.validate" -}}
{{- $names := keys .Values.pools | sortAlpha -}}
{{- $list := join ", " $names -}}
{{- range $key := list "pools" "version" -}}
{{- if hasKey $.Values.policy $key -}}
{{- fail (printf "policy.%s: it follows from the chart's own values; take it out%s" $key (eq $key "pools" | ternary " and give `pools` at the top" "")) -}}
{{- end -}}
{{- end -}}
{{- if hasKey (.Values.policy.limits | default dict) "maxRequestBytes" -}}
{{- fail "policy.limits.maxRequestBytes: give `maxRequestBytes` at the top, which Envoy's buffers follow, too" -}}
{{- end -}}
{{- if not .Values.policy.default -}}
{{- fail (printf "policy.default is missing; give one of pools: %s" $list) -}}
{{- end -}}
{{- range $key, $name := dict "policy.default" .Values.policy.default "failOpenPool" .Values.failOpenPool "otherPool" .Values.otherPool -}}
{{- if and $name (kindIs "string" $name) (not (hasKey $.Values.pools $name)) -}}
{{- fail (printf "%s %q is not one of pools: %s" $key $name $list) -}}
{{- end -}}
{{- end -}}
{{- range $name, $pool := .Values.pools -}}
{{- if and $pool.service $pool.external -}}
{{- fail (printf "pools.%s: has a service and an external host; give one" $name) -}}
{{- end -}}
{{- if not (or $pool.service $pool.external) -}}
{{- fail (printf "pools.%s: has neither a service nor an external host" $name) -}}
{{- end -}}
{{- if and $pool.credentials (not (and $pool.external $pool.external.tls)) -}}
{{- fail (printf "pools.%s.credentials: would cross the network in the clear; give an external host with tls: true" $name) -}}
{{- end -}}
{{- if hasKey ($pool.policy | default dict) "cluster" -}}
{{- fail (printf "pools.%s.policy.cluster: it follows from the pool's name; take it out" $name) -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.failureMode "open") (not .Values.failOpenPool) -}}
{{- fail "failureMode open needs failOpenPool: the pool that gets what no router has looked at" -}}
{{- end -}}
{{- $deadline := int64 ((.Values.policy.limits | default dict).deadlineMs | default 200) -}}
{{- if le (int64 .Values.envoy.messageTimeoutMs) $deadline -}}
{{- fail (printf "envoy.messageTimeoutMs %d must be above policy.limits.deadlineMs %d: else Envoy gives up before the policy may decide what a late signal means" (int64 .Values.envoy.messageTimeoutMs) $deadline) -}}
{{- end -}}
{{- if and .Values.router.tlsSecretName (ne (include "router.transport" .) "tcp") -}}
{{- fail "router.tlsSecretName: a unix socket has no TLS; give router.transport: tcp" -}}
{{- end -}}
{{- end -}}

{{/* unix or tcp */}}
{{- define "router.transport" -}}
{{- eq .Values.mode "router" | ternary "tcp" .Values.router.transport -}}
{{- end -}}
