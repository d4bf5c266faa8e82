{{/* Whether somebody else's gateway takes the requests, and we bring a route for it; empty if not. */}}
{{- define "router.isGateway" -}}
{{- if has .Values.mode (list "envoyGateway" "istio") -}}yes{{- end -}}
{{- end -}}

{{/* A pool as an HTTPRoute refers to it: list of the top and the pool's name. */}}
{{- define "router.backendRef" -}}
{{- $top := index . 0 -}}
{{- $name := index . 1 -}}
{{- $pool := index $top.Values.pools $name -}}
{{- if $pool.service -}}
name: {{ $pool.service.name }}
{{- with $pool.service.namespace }}
namespace: {{ . }}
{{- end }}
port: {{ $pool.service.port }}
{{- else if $pool.inferencePool -}}
group: inference.networking.k8s.io
kind: InferencePool
name: {{ $pool.inferencePool.name }}
{{- else if eq $top.Values.mode "istio" -}}
group: networking.istio.io
kind: Hostname
name: {{ $pool.external.host }}
port: {{ $pool.external.port }}
{{- else -}}
group: gateway.envoyproxy.io
kind: Backend
name: {{ include "router.name" $top }}-{{ $name }}
{{- end -}}
{{- end -}}

{{/* Removes what only the router may say. */}}
{{- define "envoy.headerStripping" -}}
- name: envoy.http.early_header_mutation.header_mutation
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation
    mutations:
    {{- range $key := list "pool" "model" "decision" "reason" "decision-id" }}
    - remove: {{ dig "headers" $key (printf "x-router-%s" $key) $.Values.policy }}
    {{- end }}
{{- end -}}
