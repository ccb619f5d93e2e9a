{{/* Images: the gateway's own, and those of the bundled servers. */}}

{{- define "sluice.image" -}}
{{- if regexMatch "berriai/|(^|/)litellm(-database|-non_root|-proxy)?$" .Values.image.repository -}}
{{- fail (printf "image.repository: this chart runs Sluice, and %q is the LiteLLM proxy: name the image of Sluice that you have built and pushed, or remove image.repository from your values." .Values.image.repository) -}}
{{- end -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end }}

{{/* The official images that take the place of Bitnami's. Also in Chart.yaml, and the defaults of values.yaml. */}}
{{- define "sluice.postgresql.officialImage" -}}docker.io/library/postgres:17.7{{- end }}
{{- define "sluice.redis.officialImage" -}}docker.io/valkey/valkey:8.1.4{{- end }}

{{/* Whether an image is one of Bitnami's: its layout, arguments and licence differ. */}}
{{- define "sluice.isBitnami" -}}
{{- if contains "bitnami" (.repository | default "") }}true{{ end -}}
{{- end }}

{{/* (dict "image" .Values.redis.image "official" "…" "field" "redis.image") */}}
{{- define "sluice.serverImage" -}}
{{- if include "sluice.isBitnami" .image -}}
{{- .official -}}
{{- else -}}
{{- $name := printf "%s/%s" (default "docker.io" .image.registry) .image.repository -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $name .image.digest -}}
{{- else -}}
{{- if has (toString .image.tag) (list "" "latest") -}}
{{- fail (printf "%s.tag: expected a version, found %q: a floating tag may bring a version that cannot read the data. Name a version, or set %s.digest." .field (toString .image.tag) .field) -}}
{{- end -}}
{{- printf "%s:%s" $name (toString .image.tag) -}}
{{- end -}}
{{- end -}}
{{- end }}
