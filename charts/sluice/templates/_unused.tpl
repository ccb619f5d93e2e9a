{{/* Values that are accepted because LiteLLM's chart has them, and do nothing here: each that is set is named. */}}

{{- define "sluice.unusedValues" -}}
{{- $values := .Values -}}
{{- $switches := list "collector" "spendWorker" "worker" "billingMetrics" "liteadmin" "lens" "dataManager" "reliability" -}}
{{- range $switches }}
{{- if dig "enabled" false (get $values . | default dict) }}
- {{ . }}: Sluice has no such part.
{{- end }}
{{- end }}
{{- if or $values.separateHealthApp $values.separateHealthPort }}
- separateHealthApp: health is answered on the main port, and stays fast under load.
{{- end }}
{{- if or $values.db.readReplicaUrl $values.db.secret.readReplicaUrlKey $values.db.secret.readReplicaEndpointKey }}
- db.readReplicaUrl: read replicas are not used.
{{- end }}
{{- if dig "connectionPool" "enabled" false $values.db }}
- db.connectionPool: each pod has one small pool of its own.
{{- end }}
{{- if $values.db.useStackgresOperator }}
- db.useStackgresOperator: not supported; use db.useExisting.
{{- end }}
{{- range (list "retries" "disableSchemaUpdate") }}
{{- if hasKey $values.migrationJob . }}
- migrationJob.{{ . }}: use migrationJob.backoffLimit and migrationJob.enabled.
{{- end }}
{{- end }}
{{- if and $values.redis.enabled (not (dig "coordination" "enabled" true $values.redis)) }}
- redis.coordination.enabled: a Redis that is there is used for limits and budgets too.
{{- end }}
{{- if and (not $values.proxyConfigMap.create) $values.proxy_config.model_list }}
- proxy_config: proxyConfigMap.create is off, and the ConfigMap {{ $values.proxyConfigMap.name }} is the config file.
{{- end }}
{{- $known := dict
  "redis" (list "enabled" "architecture" "image" "auth" "master" "replica" "fullnameOverride" "coordination" "sentinel")
  "redis.image" (list "registry" "repository" "tag" "digest")
  "redis.auth" (list "enabled" "password" "existingSecret" "existingSecretPasswordKey")
  "redis.master" (list "persistence" "resources" "extraFlags")
  "redis.replica" (list "replicaCount" "persistence" "resources" "extraFlags")
  "postgresql" (list "image" "auth" "primary" "replaceBitnami")
  "postgresql.image" (list "registry" "repository" "tag" "digest")
  "postgresql.auth" (list "username" "database" "password" "existingSecret" "secretKeys")
  "postgresql.primary" (list "persistence" "resources") -}}
{{- range $path, $names := $known }}
{{- $parts := splitList "." $path }}
{{- $map := get $values (first $parts) }}
{{- if gt (len $parts) 1 }}{{ $map = get $map (last $parts) | default dict }}{{ end }}
{{- range $name, $_ := $map }}
{{- if not (or (has $name $names) (eq $name "global")) }}
- {{ $path }}.{{ $name }}: not a value of the bundled server.
{{- end }}
{{- end }}
{{- end }}
{{- end }}
