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
{{- if and .Values.router.state.cacheSecretKey (not .Values.router.state.secretName) -}}
{{- fail "router.state.cacheSecretKey: it is a key of router.state.secretName; give that, too" -}}
{{- end -}}
{{- range $name, $pool := .Values.pools -}}
{{- $places := compact (list ($pool.service | empty | ternary "" "service") ($pool.external | empty | ternary "" "external") ($pool.inferencePool | empty | ternary "" "inferencePool")) -}}
{{- if ne 1 (len $places) -}}
{{- fail (printf "pools.%s: has %s; give one of service, external, inferencePool" $name (join " and " $places | default "no place")) -}}
{{- end -}}
{{- if and $pool.inferencePool (not (include "router.isGateway" $)) -}}
{{- fail (printf "pools.%s.inferencePool: only a gateway knows endpoint pickers; give mode envoyGateway or istio, or a service" $name) -}}
{{- end -}}
{{- if and $pool.credentials (ne $.Values.mode "standalone") -}}
{{- fail (printf "pools.%s.credentials: in mode %s no Envoy of ours sends them; configure them at the gateway" $name $.Values.mode) -}}
{{- end -}}
{{- if and $pool.credentials (not (and $pool.external $pool.external.tls)) -}}
{{- fail (printf "pools.%s.credentials: would cross the network in the clear; give an external host with tls: true" $name) -}}
{{- end -}}
{{- $elsewhere := dict
  "router" "on your own Envoy's routes and clusters"
  "envoyGateway" (printf "with a BackendTrafficPolicy on the HTTPRoute %s" (include "router.name" $))
  "istio" "with a DestinationRule for its host, and retries in the mesh's defaultHttpRetryPolicy"
-}}
{{- range $key, $_ := $pool.traffic -}}
{{- if not (or (eq $.Values.mode "standalone") (and (include "router.isGateway" $) (eq $key "timeoutSeconds"))) -}}
{{- fail (printf "pools.%s.traffic.%s: in mode %s no Envoy of ours does it; set it %s" $name $key $.Values.mode (get $elsewhere $.Values.mode)) -}}
{{- end -}}
{{- end -}}
{{- $traffic := include "envoy.traffic" (list $ $name) | fromJson -}}
{{- if and $traffic.timeoutSeconds (gt $traffic.tryTimeoutSeconds $traffic.timeoutSeconds) -}}
{{- fail (printf "pools.%s.traffic: tryTimeoutSeconds %v is above timeoutSeconds %v, which all tries share" $name $traffic.tryTimeoutSeconds $traffic.timeoutSeconds) -}}
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
{{- if and (include "router.isGateway" .) (not .Values.gateway.name) -}}
{{- fail (printf "gateway.name is missing: mode %s needs the Gateway that takes the requests" .Values.mode) -}}
{{- end -}}
{{- if and (include "router.isGateway" .) (gt (len .Values.pools) 15) -}}
{{- fail (printf "pools: %d are too many for one HTTPRoute, which takes 16 rules" (len .Values.pools)) -}}
{{- end -}}
{{- if and (include "router.isGateway" .) .Values.router.tlsSecretName -}}
{{- fail (printf "router.tlsSecretName: in mode %s the mesh or a BackendTLSPolicy secures the way to the router" .Values.mode) -}}
{{- end -}}
{{- if and (include "router.isGateway" .) .Values.otherPool -}}
{{- fail (printf "otherPool: in mode %s our route takes requests below /v1 only; give the others a route of their own" .Values.mode) -}}
{{- end -}}
{{- if and .Values.monitoring.podMonitor.enabled .Values.monitoring.serviceMonitor.enabled -}}
{{- fail "monitoring.serviceMonitor and monitoring.podMonitor would have each pod scraped twice, and all sums doubled; enable one" -}}
{{- end -}}
{{- $taken := dict "9003" "the router's admin port" -}}
{{- $ports := dict "router.metricsPort" .Values.router.metricsPort -}}
{{- if eq .Values.mode "standalone" -}}
{{- $_ := set $taken "9901" "Envoy's admin port" -}}
{{- $_ := merge $ports (dict "envoy.port" .Values.envoy.port "envoy.statsPort" .Values.envoy.statsPort) -}}
{{- end -}}
{{- if eq (include "router.transport" .) "tcp" -}}
{{- $_ := set $ports "router.port" .Values.router.port -}}
{{- end -}}
{{- range $key, $port := $ports -}}
{{- $port = int64 $port | toString -}}
{{- with get $taken $port -}}
{{- fail (printf "%s %s is taken in the same pod: it is %s" $key $port .) -}}
{{- end -}}
{{- $_ := set $taken $port $key -}}
{{- end -}}
{{- if and .Values.router.tlsSecretName (ne (include "router.transport" .) "tcp") -}}
{{- fail "router.tlsSecretName: a unix socket has no TLS; give router.transport: tcp" -}}
{{- end -}}
{{- end -}}

{{/* unix or tcp */}}
{{- define "router.transport" -}}
{{- eq .Values.mode "standalone" | ternary .Values.router.transport "tcp" -}}
{{- end -}}
