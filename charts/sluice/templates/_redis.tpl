{{/* The bundled Valkey, under the names that Bitnami's Redis chart gives. */}}

{{- define "sluice.redis.secretName" -}}
{{- default (include "sluice.redis.fullname" .) .Values.redis.auth.existingSecret -}}
{{- end }}

{{- define "sluice.redis.passwordKey" -}}
{{- if .Values.redis.auth.existingSecret }}{{ default "redis-password" .Values.redis.auth.existingSecretPasswordKey }}{{ else }}redis-password{{ end -}}
{{- end }}

{{- define "sluice.redis.secretIsOurs" -}}
{{- if and .Values.redis.enabled .Values.redis.auth.enabled (not .Values.redis.auth.existingSecret) }}true{{ end -}}
{{- end }}

{{- define "sluice.redis.env" -}}
{{- if .Values.redis.enabled }}
- name: REDIS_HOST
  value: {{ include "sluice.redis.fullname" . }}-master
- name: REDIS_PORT
  value: "6379"
{{- if .Values.redis.auth.enabled }}
- name: REDIS_PASSWORD
  {{- include "sluice.fromSecret" (list (include "sluice.redis.secretName" .) (include "sluice.redis.passwordKey" .)) | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/* The pod of a server: (dict "root" $ "role" "master" "replicaOf" "" "persistent" false "flags" list "resources" dict). */}}
{{- define "sluice.redis.pod" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "sluice.partSelectorLabels" (dict "root" $root "part" "redis") | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
  {{- if include "sluice.redis.secretIsOurs" $root }}
  annotations:
    checksum/password: {{ include "sluice.redis.password" $root | sha256sum }}
  {{- end }}
spec:
  automountServiceAccountToken: false
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- include "sluice.serverPlacement" (dict "root" $root "user" 999) | nindent 2 }}
  containers:
    - name: redis
      {{- if include "sluice.isBitnami" $root.Values.redis.image }}
      # In place of {{ $root.Values.redis.image.repository }}: this chart runs the official image.
      {{- end }}
      image: {{ include "sluice.serverImage" (dict "image" $root.Values.redis.image "official" (include "sluice.redis.officialImage" $root) "field" "redis.image") }}
      imagePullPolicy: IfNotPresent
      {{- /* Only arguments: the entry points of Valkey's and of Redis's image put their own server in front. */}}
      args:
        - --dir
        - /data
        - --save
        - ""
        - --appendonly
        - {{ ternary "yes" "no" .persistent | quote }}
        {{- if $root.Values.redis.auth.enabled }}
        - --requirepass
        - $(REDIS_PASSWORD)
        - --masterauth
        - $(REDIS_PASSWORD)
        {{- end }}
        {{- with .replicaOf }}
        - --replicaof
        - {{ . }}
        - "6379"
        {{- end }}
        {{- range .flags }}
        {{- range splitList " " . }}
        - {{ . | quote }}
        {{- end }}
        {{- end }}
      {{- if $root.Values.redis.auth.enabled }}
      env:
        - name: REDIS_PASSWORD
          {{- include "sluice.fromSecret" (list (include "sluice.redis.secretName" $root) (include "sluice.redis.passwordKey" $root)) | nindent 10 }}
      {{- end }}
      ports:
        - name: redis
          containerPort: 6379
      {{- include "sluice.serverProbes" "redis" | nindent 6 }}
      {{- include "sluice.serverSecurityContext" $root | nindent 6 }}
      {{- with .resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - name: data
          mountPath: /data
  {{- if not .persistent }}
  volumes:
    - name: data
      emptyDir: {}
  {{- end }}
{{- end }}
