{{/* Secrets that the chart makes: given, or the one that is already there, or a random one made once. */}}

{{/*
The value of a key: (dict "root" $ "secret" "name" "key" "masterkey" "given" "" "prefix" "sk-").
A random value is remembered for the rest of the rendering, so that the Secret and the checksum of it agree.
*/}}
{{- define "sluice.secretValue" -}}
{{- if .given -}}
{{- .given -}}
{{- else -}}
{{- $id := printf "%s/%s" .secret .key -}}
{{- if not (hasKey .root.Values "secretValuesOfThisRendering") -}}
{{- $_ := set .root.Values "secretValuesOfThisRendering" dict -}}
{{- end -}}
{{- $values := .root.Values.secretValuesOfThisRendering -}}
{{- if not (hasKey $values $id) -}}
{{- $live := lookup "v1" "Secret" .root.Release.Namespace .secret | default dict -}}
{{- $kept := get (get $live "data" | default dict) .key -}}
{{- if $kept -}}
{{- $_ := set $values $id (b64dec $kept) -}}
{{- else -}}
{{- $_ := set $values $id (printf "%s%s" .prefix (randAlphaNum 32)) -}}
{{- end -}}
{{- end -}}
{{- get $values $id -}}
{{- end -}}
{{- end }}

{{/* Whether the user's own variables give the master key: then none is made. */}}
{{- define "sluice.masterkey.fromVariables" -}}
{{- $found := or (hasKey .Values.envVars "PROXY_MASTER_KEY") (hasKey .Values.envVars "LITELLM_MASTER_KEY") -}}
{{- range (include "sluice.list" .Values.extraEnvVars | fromYamlArray) -}}
{{- if has .name (list "PROXY_MASTER_KEY" "LITELLM_MASTER_KEY") }}{{ $found = true }}{{ end -}}
{{- end -}}
{{- if $found }}true{{ end -}}
{{- end }}

{{- define "sluice.masterkey.isOurs" -}}
{{- if not (or .Values.masterkeySecretName (include "sluice.masterkey.fromVariables" .)) }}true{{ end -}}
{{- end }}

{{- define "sluice.masterkey.secretName" -}}
{{- default (printf "%s-masterkey" (include "sluice.fullname" .)) .Values.masterkeySecretName -}}
{{- end }}

{{- define "sluice.masterkey.secretKey" -}}
{{- if .Values.masterkeySecretName }}{{ default "masterkey" .Values.masterkeySecretKey }}{{ else }}masterkey{{ end -}}
{{- end }}

{{- define "sluice.masterkey.value" -}}
{{- include "sluice.secretValue" (dict "root" . "secret" (include "sluice.masterkey.secretName" .) "key" "masterkey" "given" .Values.masterkey "prefix" "sk-") -}}
{{- end }}

{{- define "sluice.postgresql.password" -}}
{{- include "sluice.secretValue" (dict "root" . "secret" (printf "%s-dbcredentials" (include "sluice.fullname" .)) "key" "password" "given" .Values.postgresql.auth.password "prefix" "") -}}
{{- end }}

{{- define "sluice.redis.password" -}}
{{- include "sluice.secretValue" (dict "root" . "secret" (include "sluice.redis.fullname" .) "key" "redis-password" "given" .Values.redis.auth.password "prefix" "") -}}
{{- end }}

{{/* Of the Secrets that the chart makes, for the pods' annotation. Empty when it makes none. */}}
{{- define "sluice.secretsChecksum" -}}
{{- $values := list -}}
{{- if include "sluice.masterkey.isOurs" . }}{{ $values = append $values (include "sluice.masterkey.value" .) }}{{ end -}}
{{- if include "sluice.postgresql.secretIsOurs" . }}{{ $values = append $values (include "sluice.postgresql.password" .) }}{{ end -}}
{{- if include "sluice.redis.secretIsOurs" . }}{{ $values = append $values (include "sluice.redis.password" .) }}{{ end -}}
{{- if $values }}{{ join "\n" $values | sha256sum }}{{ end -}}
{{- end }}
