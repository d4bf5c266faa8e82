{{/* Envoy's files. The bootstrap holds what a running Envoy cannot change; the others are read anew whenever their folder is swapped. */}}

{{/* Above the router's limit, so that the router's own 413 comes first. */}}
{{- define "envoy.buffer" -}}
{{ add (int64 .Values.maxRequestBytes) 1048576 }}
{{- end -}}

{{- define "envoy.bootstrap" -}}
node: {id: router-extproc, cluster: router-extproc}
admin:
  address: {socket_address: {address: 127.0.0.1, port_value: 9901}}
dynamic_resources:
  lds_config: {path_config_source: {path: /etc/envoy-config/dynamic/lds.yaml, watched_directory: {path: /etc/envoy-config/dynamic}}}
  cds_config: {path_config_source: {path: /etc/envoy-config/dynamic/cds.yaml, watched_directory: {path: /etc/envoy-config/dynamic}}}
overload_manager:
  resource_monitors:
  - name: envoy.resource_monitors.global_downstream_max_connections
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig
      max_active_downstream_connections: 50000
static_resources:
  listeners:
  - name: stats
    address: {socket_address: {address: 0.0.0.0, port_value: {{ .Values.envoy.statsPort }}}}
    ignore_global_conn_limit: true
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: stats
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            virtual_hosts:
            - name: stats
              domains: ["*"]
              routes:
              - {match: {path: /ready}, route: {cluster: admin}}
              - {match: {path: /stats/prometheus}, route: {cluster: admin}}
  clusters:
  - name: admin
    type: STATIC
    load_assignment:
      cluster_name: admin
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}}]}]
{{ include "envoy.extProcCluster" . | indent 2 }}
{{- end -}}

{{/* The cluster's name: in a gateway that others share, nobody else's. */}}
{{- define "envoy.extProcName" -}}
{{ eq .Values.mode "istio" | ternary (printf "router_extproc|%s|%s" .Release.Namespace (include "router.name" .)) "router_extproc" }}
{{- end -}}

{{- define "envoy.extProcCluster" -}}
- name: {{ include "envoy.extProcName" . }}
  type: {{ include "router.isGateway" . | empty | ternary "STATIC" "STRICT_DNS" }}
  connect_timeout: 1s
  lb_policy: LEAST_REQUEST
  per_connection_buffer_limit_bytes: {{ include "envoy.buffer" . }}
  typed_extension_protocol_options:
    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
      "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
      explicit_http_config:
        http2_protocol_options:
          initial_stream_window_size: {{ include "envoy.buffer" . }}
          initial_connection_window_size: {{ mul 3 (include "envoy.buffer" . | int64) }}
          connection_keepalive: {interval: 30s, timeout: 10s}
  # One stream stays open for each observed request until its response ends: the default of 1,024 would cap chats in flight.
  circuit_breakers:
    thresholds: [{priority: DEFAULT, max_connections: 1024, max_pending_requests: 100000, max_requests: 100000, max_retries: 1}]
  # A router that is down is noticed at once, and panic mode, which would send to it all the same, is off.
  common_lb_config: {healthy_panic_threshold: {value: 0}}
  health_checks:
  - timeout: 1s
    interval: 2s
    no_traffic_interval: 2s
    unhealthy_threshold: 2
    healthy_threshold: 1
    grpc_health_check: {service_name: readiness}
  load_assignment:
    cluster_name: {{ include "envoy.extProcName" . }}
    endpoints:
    - lb_endpoints:
      - endpoint:
          {{- if include "router.isGateway" . }}
          address: {socket_address: {address: {{ include "router.name" . }}.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}, port_value: {{ .Values.router.port }}}}
          {{- else if eq (include "router.transport" .) "tcp" }}
          address: {socket_address: {address: 127.0.0.1, port_value: {{ .Values.router.port }}}}
          {{- else }}
          address: {pipe: {path: /run/router-extproc/ext_proc.sock}}
          {{- end }}
  {{- if .Values.router.tlsSecretName }}
  transport_socket:
    name: envoy.transport_sockets.tls
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
      common_tls_context:
        validation_context: {trusted_ca: {filename: /etc/router-extproc-tls/ca.crt}}
  {{- end }}
{{- end -}}

{{/* The ext_proc filter. */}}
{{- define "envoy.extProcFilter" -}}
{{- $duplex := eq .Values.bodyMode "FULL_DUPLEX_STREAMED" -}}
name: envoy.filters.http.ext_proc
typed_config:
  "@type": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor
  grpc_service:
    envoy_grpc: {cluster_name: "{{ include "envoy.extProcName" . }}"}
    timeout: 0s
  failure_mode_allow: {{ eq .Values.failureMode "open" }}
  message_timeout: {{ printf "%.3fs" (divf .Values.envoy.messageTimeoutMs 1000) }}
  processing_mode:
    request_header_mode: SEND
    request_body_mode: {{ .Values.bodyMode }}
    request_trailer_mode: {{ $duplex | ternary "SEND" "SKIP" }}
    response_header_mode: {{ $duplex | ternary "SEND" "SKIP" }}
    response_body_mode: {{ $duplex | ternary "STREAMED" "NONE" }}
    response_trailer_mode: SKIP
  allow_mode_override: true
  metadata_options:
    receiving_namespaces: {untyped: [router_extproc]}
    {{- with include "router.proofNamespace" . }}
    forwarding_namespaces: {untyped: [{{ . }}]}
    {{- end }}
  {{- if include "router.provesPeers" . }}
  request_attributes: {{ include "router.peerAttributes" . }}
  {{- end }}
  mutation_rules:
    disallow_is_error: {value: false}
{{- end -}}

{{- define "envoy.lds" -}}
resources:
- "@type": type.googleapis.com/envoy.config.listener.v3.Listener
  name: llm
  address: {socket_address: {address: 0.0.0.0, port_value: {{ .Values.envoy.port }}}}
  per_connection_buffer_limit_bytes: {{ include "envoy.buffer" . }}
  filter_chains:
  - filters:
    - name: envoy.filters.network.http_connection_manager
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        stat_prefix: llm
        generate_request_id: true
        normalize_path: true
        merge_slashes: true
        path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT
        use_remote_address: true
        stream_idle_timeout: {{ .Values.traffic.idleTimeoutSeconds }}s
        request_timeout: 120s
        drain_timeout: 5s
        # Callers must not choose the pool themselves. Here and not in a filter: by the time filters run, a route may have been cached.
        early_header_mutation_extensions:
        {{- include "envoy.headerStripping" . | nindent 8 }}
        access_log:
        - name: envoy.access_loggers.stdout
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
            log_format:
              json_format:
                time: "%START_TIME%"
                method: "%REQ(:METHOD)%"
                path: "%PATH(NQ)%"
                status: "%RESPONSE_CODE%"
                details: "%RESPONSE_CODE_DETAILS%"
                flags: "%RESPONSE_FLAGS%"
                milliseconds: "%DURATION%"
                cluster: "%UPSTREAM_CLUSTER%"
                request_id: "%REQ(X-REQUEST-ID)%"
                pool: "%DYNAMIC_METADATA(router_extproc:pool)%"
                decision: "%DYNAMIC_METADATA(router_extproc:decision)%"
                reason: "%DYNAMIC_METADATA(router_extproc:reason)%"
                decision_id: "%DYNAMIC_METADATA(router_extproc:id)%"
        http_filters:
        - {{- include "envoy.extProcFilter" . | nindent 10 }}
        - name: envoy.filters.http.router
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
            suppress_envoy_headers: true
        # Routes have a file of their own: a change drains no listener, and a route to a pool that is not there yet does not stay refused.
        rds:
          route_config_name: llm
          config_source: {path_config_source: {path: /etc/envoy-config/dynamic/rds.yaml, watched_directory: {path: /etc/envoy-config/dynamic}}}
{{- end -}}

{{/* The traffic settings of a pool, or those of all where its name is empty, as JSON: list of the top and the name. */}}
{{- define "envoy.traffic" -}}
{{- $top := index . 0 -}}
{{- $own := dig (index . 1) "traffic" nil $top.Values.pools | default dict -}}
{{- $found := dict -}}
{{- range $key, $value := $top.Values.traffic -}}
{{- $_ := set $found $key (hasKey $own $key | ternary (index $own $key) $value) -}}
{{- end -}}
{{ toJson $found }}
{{- end -}}

{{/* What a route to a pool does, but for where it leads; of the same list. */}}
{{- define "envoy.routeAction" -}}
{{- $traffic := include "envoy.traffic" . | fromJson -}}
auto_host_rewrite: true
timeout: {{ int64 $traffic.timeoutSeconds }}s
idle_timeout: {{ int64 $traffic.idleTimeoutSeconds }}s
retry_policy:
  retry_on: {{ join "," $traffic.retryOn }}
  num_retries: {{ int64 $traffic.retries }}
  {{- with $traffic.tryTimeoutSeconds }}
  per_try_timeout: {{ int64 . }}s
  {{- end }}
  # Elsewhere, where there is an elsewhere.
  retry_host_predicate:
  - name: envoy.retry_host_predicates.previous_hosts
    typed_config: {"@type": type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate}
  host_selection_retry_max_attempts: 3
{{- end -}}

{{- define "envoy.rds" -}}
{{- $header := dig "headers" "pool" "x-router-pool" .Values.policy -}}
resources:
- "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
  name: llm
  virtual_hosts:
  - name: llm
    domains: ["*"]
    routes:
    # Any path: the router knows an LLM request however its path is written, and its word counts.
    {{- range $name, $pool := .Values.pools }}
    {{- if $pool.traffic }}
    - match: {prefix: "/", headers: [{name: {{ $header }}, string_match: {exact: pool-{{ $name }}}}]}
      route:
        cluster: pool-{{ $name }}
        {{- include "envoy.routeAction" (list $ $name) | nindent 8 }}
    {{- end }}
    {{- end }}
    - match: {prefix: "/", headers: [{name: {{ $header }}, present_match: true}]}
      route:
        cluster_header: {{ $header }}
        {{- include "envoy.routeAction" (list . "") | nindent 8 }}
    - match: {prefix: "/v1/", case_sensitive: false, headers: [{name: ":method", string_match: {exact: POST}}]}
      {{- if eq .Values.failureMode "open" }}
      # What no router has looked at, nor taken the secret out of.
      {{- with (include "router.proof" . | fromJson).header }}
      request_headers_to_remove: [{{ . }}]
      {{- end }}
      route:
        cluster: pool-{{ .Values.failOpenPool }}
        {{- include "envoy.routeAction" (list . .Values.failOpenPool) | nindent 8 }}
      {{- else }}
      # No default: a request without the router's header has nowhere to go, which is what closed means.
      direct_response:
        status: 503
        body: {inline_string: '{"error":{"message":"The request was not routed.","type":"server_error","param":null,"code":"not_routed"}}'}
      {{- end }}
    - match: {prefix: "/"}
      {{- if .Values.otherPool }}
      route: {cluster: pool-{{ .Values.otherPool }}, auto_host_rewrite: true, timeout: 60s}
      {{- else }}
      direct_response: {status: 404}
      {{- end }}
{{- end -}}

{{- define "envoy.cds" -}}
resources:
{{- range $name, $pool := .Values.pools }}
{{- $place := $pool.service | default $pool.external }}
{{- $traffic := include "envoy.traffic" (list $ $name) | fromJson }}
{{- $host := $place.host | default (printf "%s.%s.svc.%s" $place.name ($place.namespace | default $.Release.Namespace) $.Values.clusterDomain) }}
- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: pool-{{ $name }}
  type: STRICT_DNS
  connect_timeout: {{ printf "%.3fs" (divf $traffic.connectTimeoutMs 1000) }}
  per_connection_buffer_limit_bytes: {{ include "envoy.buffer" $ }}
  circuit_breakers:
    thresholds:
    # Over HTTP/1.1 a request is a connection. Retries may be a fifth of the requests in flight: no more, or they bring a busy pool down.
    - priority: DEFAULT
      max_connections: {{ int64 $traffic.maxRequests }}
      max_requests: {{ int64 $traffic.maxRequests }}
      max_pending_requests: {{ int64 $traffic.maxWaiting }}
      retry_budget: {budget_percent: {value: 20}, min_retry_concurrency: 3}
  outlier_detection:
    consecutive_5xx: {{ int64 $traffic.ejectAfter5xx }}
    consecutive_gateway_failure: {{ int64 $traffic.ejectAfterGatewayFailures }}
    # Its default is 0: count, and do nothing.
    enforcing_consecutive_gateway_failure: 100
    base_ejection_time: {{ int64 $traffic.ejectSeconds }}s
    max_ejection_percent: {{ int64 $traffic.ejectPercent }}
  load_assignment:
    cluster_name: pool-{{ $name }}
    endpoints: [{lb_endpoints: [{endpoint: {hostname: {{ $host }}, address: {socket_address: {address: {{ $host }}, port_value: {{ $place.port }}}}}}]}]
  {{- if $place.tls }}
  transport_socket:
    name: envoy.transport_sockets.tls
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
      sni: {{ $host }}
      common_tls_context:
        validation_context:
          trusted_ca: {filename: /etc/ssl/certs/ca-certificates.crt}
          match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: {{ $host }}}}]
  {{- end }}
  {{- with $pool.credentials }}
  typed_extension_protocol_options:
    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
      "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
      explicit_http_config: {http_protocol_options: {}}
      http_filters:
      - name: envoy.filters.http.credential_injector
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.http.credential_injector.v3.CredentialInjector
          overwrite: true
          credential:
            name: envoy.http.injected_credentials.generic
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.http.injected_credentials.generic.v3.Generic
              header: authorization
              header_value_prefix: "Bearer "
              credential:
                name: pool-{{ $name }}
                sds_config: {path_config_source: {path: /etc/envoy-config/dynamic/sds-{{ $name }}.yaml, watched_directory: {path: /etc/envoy-credentials/{{ $name }}}}}
      - name: envoy.filters.http.upstream_codec
        typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "envoy.sds" -}}
resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: pool-{{ .name }}
  generic_secret: {secret: {filename: /etc/envoy-credentials/{{ .name }}/{{ .key }}}}
{{- end -}}

{{- define "envoy.container" -}}
name: envoy
image: {{ include "router.image" (dict "image" .Values.envoy.image "tag" "") }}
imagePullPolicy: {{ .Values.envoy.image.pullPolicy }}
command: [envoy]
args:
- --config-path
- /etc/envoy-config/bootstrap/envoy.yaml
- --log-level
- {{ .Values.envoy.logLevel }}
- --drain-time-s
- {{ .Values.envoy.drainSeconds | quote }}
- --disable-hot-restart
{{- with .Values.envoy.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- with .Values.envoy.extraEnv }}
env:
{{ toYaml . }}
{{- end }}
ports:
- {name: http, containerPort: {{ .Values.envoy.port }}}
- {name: envoy-stats, containerPort: {{ .Values.envoy.statsPort }}}
startupProbe:
  httpGet: {port: envoy-stats, path: /ready}
  periodSeconds: 1
  failureThreshold: 60
readinessProbe:
  httpGet: {port: envoy-stats, path: /ready}
  periodSeconds: 3
livenessProbe:
  tcpSocket: {port: envoy-stats}
  periodSeconds: 10
  failureThreshold: 6
lifecycle:
  preStop:
    exec:
      # Not ready and `connection: close` at once; new connections are still taken while the endpoints go; then the rest of the drain.
      command:
      - bash
      - -c
      - |
        tell() { exec 3<>/dev/tcp/127.0.0.1/9901; printf 'POST %s HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n' "$1" >&3; cat <&3 >/dev/null; exec 3>&-; }
        active() { exec 3<>/dev/tcp/127.0.0.1/9901; printf 'GET /stats?filter=^http.llm.downstream_rq_active$ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n' >&3; grep -o 'rq_active: [0-9]*' <&3 | tr -dc 0-9; exec 3>&-; }
        tell /healthcheck/fail
        sleep 5
        tell '/drain_listeners?graceful'
        for _ in $(seq {{ .Values.envoy.drainSeconds }}); do [ "$(active)" = 0 ] && break; sleep 1; done
resources:
{{- toYaml .Values.envoy.resources | nindent 2 }}
securityContext:
{{- include "router.locked" . | nindent 2 }}
volumeMounts:
- {name: envoy, mountPath: /etc/envoy-config/bootstrap, readOnly: true}
- {name: envoy-dynamic, mountPath: /etc/envoy-config/dynamic, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if eq (include "router.transport" .) "unix" }}
- {name: socket, mountPath: /run/router-extproc}
{{- end }}
{{- if .Values.router.tlsSecretName }}
- {name: tls, mountPath: /etc/router-extproc-tls, readOnly: true}
{{- end }}
{{- range $name, $pool := .Values.pools }}
{{- if $pool.credentials }}
- {name: credentials-{{ $name }}, mountPath: /etc/envoy-credentials/{{ $name }}, readOnly: true}
{{- end }}
{{- end }}
{{- with .Values.envoy.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}
