{{/* Which database, and the environment that leads to it. The same for the gateway and for its migration. */}}

{{/* existing, standalone, or empty: then the environment or the config file names it, or it is the embedded one. */}}
{{- define "sluice.database.mode" -}}
{{- if .Values.db.useExisting }}existing{{ else if .Values.db.deployStandalone }}standalone{{ end -}}
{{- end }}

{{- define "sluice.postgresql.secretName" -}}
{{- default (printf "%s-dbcredentials" (include "sluice.fullname" .)) .Values.postgresql.auth.existingSecret -}}
{{- end }}

{{- define "sluice.postgresql.secretIsOurs" -}}
{{- if and (eq (include "sluice.database.mode" .) "standalone") (not .Values.postgresql.auth.existingSecret) }}true{{ end -}}
{{- end }}

{{- define "sluice.postgresql.passwordKey" -}}
{{- if .Values.postgresql.auth.existingSecret }}{{ default "password" .Values.postgresql.auth.secretKeys.userPasswordKey }}{{ else }}password{{ end -}}
{{- end }}

{{- define "sluice.database.env" -}}
{{- $mode := include "sluice.database.mode" . -}}
{{- if eq $mode "existing" }}
{{- $secret := .Values.db.secret }}
- name: DATABASE_USERNAME
  {{- include "sluice.fromSecret" (list $secret.name $secret.usernameKey) | nindent 2 }}
{{- with $secret.passwordKey }}
- name: DATABASE_PASSWORD
  {{- include "sluice.fromSecret" (list $secret.name .) | nindent 2 }}
{{- end }}
- name: DATABASE_HOST
  {{- if $secret.endpointKey }}
  {{- include "sluice.fromSecret" (list $secret.name $secret.endpointKey) | nindent 2 }}
  {{- else }}
  value: {{ .Values.db.endpoint | quote }}
  {{- end }}
- name: DATABASE_NAME
  value: {{ .Values.db.database | quote }}
{{- else if eq $mode "standalone" }}
- name: DATABASE_USERNAME
  value: {{ .Values.postgresql.auth.username | quote }}
- name: DATABASE_PASSWORD
  {{- include "sluice.fromSecret" (list (include "sluice.postgresql.secretName" .) (include "sluice.postgresql.passwordKey" .)) | nindent 2 }}
- name: DATABASE_HOST
  value: {{ include "sluice.postgresql.fullname" . }}
- name: DATABASE_NAME
  value: {{ .Values.postgresql.auth.database | quote }}
{{- end }}
{{- if $mode }}
{{- /* Empty stands for "put together from the parts", and keeps one that an `environmentSecrets` brings out of it. */}}
- name: DATABASE_URL
  value: {{ include "sluice.database.url" . | quote }}
{{- end }}
{{- end }}

{{/* The default of LiteLLM's chart writes user and password into the URL as they are: the gateway does it encoded. */}}
{{- define "sluice.database.url" -}}
{{- $unencoded := "postgresql://$(DATABASE_USERNAME):$(DATABASE_PASSWORD)@$(DATABASE_HOST)/$(DATABASE_NAME)" -}}
{{- if and (eq (include "sluice.database.mode" .) "existing") (ne (.Values.db.url | default "") $unencoded) }}{{ .Values.db.url }}{{ end -}}
{{- end }}

{{/* (list secretName key) */}}
{{- define "sluice.fromSecret" -}}
valueFrom:
  secretKeyRef:
    name: {{ index . 0 }}
    key: {{ index . 1 }}
{{- end }}
