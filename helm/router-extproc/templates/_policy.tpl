{{/* The router's policy file: the values' policy, with the pools and the limit that follow from the chart. */}}
{{- define "router.policy" -}}
{{- $pools := dict -}}
{{- range $name, $pool := .Values.pools -}}
{{- $_ := set $pools $name (merge (dict "cluster" (printf "pool-%s" $name)) (deepCopy ($pool.policy | default dict))) -}}
{{- end -}}
{{- $limits := merge (dict "maxRequestBytes" (int64 .Values.maxRequestBytes)) (deepCopy (.Values.policy.limits | default dict)) -}}
{{- $policy := merge (dict "version" 1 "pools" $pools "limits" $limits) (deepCopy .Values.policy) -}}
# Made by Helm from the values `policy` and `pools`. An edit here is in force within a minute, until the next `helm upgrade`.
{{ toYaml $policy }}
{{- end -}}

{{/* What the policy's `identity.proof` needs Envoy to tell the router: a filter's metadata, names of the peer's certificate. */}}
{{- define "router.proof" -}}
{{- $proof := dig "identity" "proof" dict .Values.policy -}}
{{ kindIs "map" $proof | ternary $proof dict | toJson }}
{{- end -}}

{{- define "router.proofNamespace" -}}
{{ dig "metadata" "namespace" "" (include "router.proof" . | fromJson) }}
{{- end -}}

{{- define "router.provesPeers" -}}
{{- if (include "router.proof" . | fromJson).peers -}}yes{{- end -}}
{{- end -}}

{{- define "router.peerAttributes" -}}
[connection.uri_san_peer_certificate, connection.dns_san_peer_certificate]
{{- end -}}
