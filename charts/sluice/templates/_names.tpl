{{/* Names and labels. */}}

{{- define "sluice.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "sluice.fullname" -}}
{{- $name := include "sluice.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* The bundled servers have the names that the sub-charts of LiteLLM's chart gave their Services. */}}
{{- define "sluice.postgresql.fullname" -}}
{{- printf "%s-postgresql" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "sluice.redis.fullname" -}}
{{- default (printf "%s-redis" .Release.Name) .Values.redis.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{/* What selectors name: these two never change, for a Deployment's selector is immutable. */}}
{{- define "sluice.selectorLabels" -}}
app.kubernetes.io/name: {{ include "sluice.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sluice.commonLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "sluice.labels" -}}
{{ include "sluice.commonLabels" . }}
{{ include "sluice.selectorLabels" . }}
{{- end }}

{{/* Labels of a part that no selector of the gateway may find: (dict "root" $ "part" "postgresql"). */}}
{{- define "sluice.partSelectorLabels" -}}
app.kubernetes.io/name: {{ .part }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- define "sluice.partLabels" -}}
{{ include "sluice.commonLabels" .root }}
{{ include "sluice.partSelectorLabels" . }}
{{- end }}

{{- define "sluice.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "sluice.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{/* One of the strings and lists that LiteLLM's chart declares as empty maps: `{}` counts as an empty list. */}}
{{- define "sluice.list" -}}
{{- if kindIs "slice" . }}{{ toYaml . }}{{ else }}[]{{ end -}}
{{- end }}
