{{/* The gateway's pod, for the Deployment, the StatefulSet and, in parts, the migration. */}}

{{- define "sluice.configFolder" -}}/etc/litellm{{- end }}
{{- define "sluice.dataFolder" -}}/var/lib/sluice{{- end }}

{{- define "sluice.configMapName" -}}
{{- if .Values.proxyConfigMap.create -}}
{{- printf "%s-config" (include "sluice.fullname" .) -}}
{{- else -}}
{{- required "proxyConfigMap.name: with proxyConfigMap.create: false, name the ConfigMap that holds the config file." .Values.proxyConfigMap.name -}}
{{- end -}}
{{- end }}

{{- define "sluice.configMapKey" -}}
{{- if .Values.proxyConfigMap.create }}config.yaml{{ else }}{{ default "config.yaml" .Values.proxyConfigMap.key }}{{ end -}}
{{- end }}

{{/* Whether the user's own variables (envVars, extraEnvVars) give one of this name. */}}
{{- define "sluice.givesVariable" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $found := hasKey $root.Values.envVars $name -}}
{{- range (include "sluice.list" $root.Values.extraEnvVars | fromYamlArray) -}}
{{- if eq .name $name }}{{ $found = true }}{{ end -}}
{{- end -}}
{{- if $found }}true{{ end -}}
{{- end }}

{{- define "sluice.userEnv" -}}
{{- range $name, $value := .Values.envVars }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- $list := include "sluice.list" .Values.extraEnvVars | fromYamlArray }}
{{- with $list }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/*
A list of variables, each name once: the last one, as in a container. Twice is refused by a server-side apply, which
Helm 4 does.
*/}}
{{- define "sluice.uniqueEnv" -}}
{{- $last := dict -}}
{{- $list := fromYamlArray . -}}
{{- range $index, $entry := $list }}{{ $_ := set $last $entry.name $index }}{{ end -}}
{{- range $index, $entry := $list }}
{{- if eq $index (get $last $entry.name) }}
{{ toYaml (list $entry) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Seconds for calls under way, from the signal on: what the wait before and the last writes leave. */}}
{{- define "sluice.graceSeconds" -}}
{{- $wait := ternary 0 (int .Values.preStopSleepSeconds) (not (empty .Values.lifecycle)) -}}
{{- max 1 (sub (sub (int .Values.terminationGracePeriodSeconds) $wait) 20) -}}
{{- end }}

{{- define "sluice.env" -}}
- name: HOST
  value: {{ default "0.0.0.0" .Values.listen | quote }}
- name: PORT
  value: {{ .Values.service.port | quote }}
- name: SLUICE_DATA_DIR
  value: {{ include "sluice.dataFolder" . }}
{{- include "sluice.database.env" . }}
{{- include "sluice.masterkey.env" . }}
{{- include "sluice.redis.env" . }}
{{- with .Values.logLevel }}
- name: LITELLM_LOG
  value: {{ . | quote }}
{{- end }}
{{- if .Values.metricsServer.enabled }}
- name: PROMETHEUS_METRICS_PORT
  value: {{ .Values.metricsServer.port | quote }}
{{- end }}
{{- if not (or (include "sluice.givesVariable" (list . "SLUICE_SHUTDOWN_GRACE_SECONDS")) (include "sluice.givesVariable" (list . "GRACEFUL_SHUTDOWN_TIMEOUT"))) }}
- name: SLUICE_SHUTDOWN_GRACE_SECONDS
  value: {{ include "sluice.graceSeconds" . | quote }}
{{- end }}
{{- if .Values.migrationJob.enabled }}
{{- /* For the migration, and a database that is made by the same release: less than the startup probe allows. */}}
- name: SLUICE_DATABASE_WAIT_SECONDS
  value: "240"
{{- end }}
{{- if dig "limits" "memory" "" .Values.resources }}
- name: NODE_OPTIONS
  value: {{ printf "--max-old-space-size-percentage=%d" (max 5 (div (int .Values.heapPercentage) (max 1 (int .Values.numWorkers)))) | quote }}
{{- end }}
{{- include "sluice.userEnv" . }}
{{- if .Values.migrationJob.enabled }}
{{- /* The last one, so that nothing shadows it: who owns the migrations is decided in one place. */}}
- name: DISABLE_SCHEMA_UPDATE
  value: "true"
{{- end }}
{{- end }}

{{- define "sluice.masterkey.env" -}}
{{- if not (include "sluice.masterkey.fromVariables" .) }}
- name: PROXY_MASTER_KEY
  {{- include "sluice.fromSecret" (list (include "sluice.masterkey.secretName" .) (include "sluice.masterkey.secretKey" .)) | nindent 2 }}
{{- end }}
{{- end }}

{{- define "sluice.envFrom" -}}
{{- range .Values.environmentSecrets }}
- secretRef:
    name: {{ . }}
{{- end }}
{{- range .Values.environmentConfigMaps }}
- configMapRef:
    name: {{ . }}
{{- end }}
{{- end }}

{{/*
As a folder, the mount follows changes of the ConfigMap. Where the user mounts files of their own below that folder it
is the file alone, for nothing can be mounted into a mounted ConfigMap.
*/}}
{{- define "sluice.configMount" -}}
{{- $folder := include "sluice.configFolder" . -}}
{{- $isShared := false -}}
{{- range .Values.volumeMounts -}}
{{- if hasPrefix $folder .mountPath }}{{ $isShared = true }}{{ end -}}
{{- end -}}
- name: sluice-config
  readOnly: true
{{- if $isShared }}
  mountPath: {{ $folder }}/config.yaml
  subPath: config.yaml
{{- else }}
  mountPath: {{ $folder }}
{{- end }}
{{- end }}

{{- define "sluice.configVolume" -}}
- name: sluice-config
  configMap:
    name: {{ include "sluice.configMapName" . }}
    items:
      - key: {{ include "sluice.configMapKey" . }}
        path: config.yaml
{{- end }}

{{/* (list values-of-the-probe port) */}}
{{- define "sluice.probe" -}}
{{- $probe := index . 0 -}}
httpGet:
  path: {{ $probe.path | quote }}
  port: http
{{ toYaml (omit $probe "path") }}
{{- end }}

{{- define "sluice.lifecycle" -}}
{{- if .Values.lifecycle -}}
{{- toYaml .Values.lifecycle -}}
{{- else if gt (int .Values.preStopSleepSeconds) 0 -}}
preStop:
{{- if semverCompare ">=1.30-0" .Capabilities.KubeVersion.Version }}
  sleep:
    seconds: {{ int .Values.preStopSleepSeconds }}
{{- else }}
  exec:
    command: ["node", "-e", {{ printf "setTimeout(() => {}, %d)" (mul 1000 (int .Values.preStopSleepSeconds)) | quote }}]
{{- end -}}
{{- end -}}
{{- end }}

{{- define "sluice.container" -}}
name: {{ include "sluice.name" . }}
image: {{ include "sluice.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- $command := include "sluice.list" .Values.command | fromYamlArray }}
{{- with $command }}
command:
  {{- toYaml . | nindent 2 }}
{{- end }}
args:
{{- $args := include "sluice.list" .Values.args | fromYamlArray }}
{{- if $args }}
  {{- toYaml $args | nindent 2 }}
{{- else }}
  - --config
  - {{ include "sluice.configFolder" . }}/config.yaml
  {{- if .Values.numWorkers }}
  - --num_workers
  - {{ .Values.numWorkers | quote }}
  {{- end }}
{{- end }}
env:
  {{- include "sluice.uniqueEnv" (include "sluice.env" .) | trim | nindent 2 }}
{{- with (include "sluice.envFrom" . | trim) }}
envFrom:
  {{- . | nindent 2 }}
{{- end }}
ports:
  - name: http
    containerPort: {{ .Values.service.port }}
  {{- if .Values.metricsServer.enabled }}
  - name: metrics
    containerPort: {{ .Values.metricsServer.port }}
  {{- end }}
livenessProbe:
  {{- include "sluice.probe" (list .Values.livenessProbe) | nindent 2 }}
readinessProbe:
  {{- include "sluice.probe" (list .Values.readinessProbe) | nindent 2 }}
startupProbe:
  {{- include "sluice.probe" (list .Values.startupProbe) | nindent 2 }}
{{- with (include "sluice.lifecycle" .) }}
lifecycle:
  {{- . | nindent 2 }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  {{- include "sluice.configMount" . | nindent 2 }}
  - name: sluice-data
    mountPath: {{ include "sluice.dataFolder" . }}
  {{- with .Values.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "sluice.podAnnotations" -}}
{{- if and .Values.proxyConfigMap.create .Values.proxyConfigMap.rollOnChange }}
checksum/config: {{ include (print $.Template.BasePath "/configmap.yaml") . | sha256sum }}
{{- end }}
{{- with (include "sluice.secretsChecksum" .) }}
checksum/secrets: {{ . }}
{{- end }}
{{- with .Values.podAnnotations }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end }}

{{- define "sluice.topologySpread" -}}
{{- if .Values.topologySpreadConstraints -}}
{{- toYaml .Values.topologySpreadConstraints -}}
{{- else -}}
{{- range (list "kubernetes.io/hostname" "topology.kubernetes.io/zone") }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "sluice.selectorLabels" $ | nindent 6 }}
{{- end }}
{{- end -}}
{{- end }}

{{/* Where a pod of the gateway's kind runs: for the gateway and its migration. */}}
{{- define "sluice.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "sluice.podTemplate" -}}
metadata:
  labels:
    {{- include "sluice.labels" . | nindent 4 }}
    app.kubernetes.io/component: proxy
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with (include "sluice.podAnnotations" . | trim) }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "sluice.serviceAccountName" . }}
  automountServiceAccountToken: {{ .Values.serviceAccount.automount }}
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- include "sluice.placement" . | trim | nindent 2 }}
  topologySpreadConstraints:
    {{- include "sluice.topologySpread" . | trim | nindent 4 }}
  {{- with .Values.extraInitContainers }}
  initContainers:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  containers:
    - {{ include "sluice.container" . | indent 6 | trim }}
    {{- with .Values.extraContainers }}
    {{- tpl (toYaml .) $ | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "sluice.configVolume" . | nindent 4 }}
    {{- if not .Values.journal.persistence.enabled }}
    - name: sluice-data
      {{- with .Values.journal.emptyDir }}
      emptyDir:
        {{- toYaml . | nindent 8 }}
      {{- else }}
      emptyDir: {}
      {{- end }}
    {{- end }}
    {{- with .Values.volumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
