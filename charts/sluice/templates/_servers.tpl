{{/* What the pods of the bundled servers have in common. */}}

{{/* Where they run and as whom: (dict "root" $ "user" 999). The ids are those of the official images. */}}
{{- define "sluice.serverPlacement" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  runAsGroup: {{ .user }}
  fsGroup: {{ .user }}
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "sluice.serverSecurityContext" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* A server that accepts connections works; the same for every image. The argument is the port's name. */}}
{{- define "sluice.serverProbes" -}}
startupProbe:
  tcpSocket:
    port: {{ . }}
  periodSeconds: 2
  failureThreshold: 150
livenessProbe:
  tcpSocket:
    port: {{ . }}
  periodSeconds: 15
  timeoutSeconds: 10
  failureThreshold: 5
readinessProbe:
  tcpSocket:
    port: {{ . }}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end }}

{{/* (dict "name" "data" "persistence" dict) */}}
{{- define "sluice.volumeClaim" -}}
- metadata:
    name: {{ .name }}
  spec:
    accessModes:
      {{- toYaml (.persistence.accessModes | default (list "ReadWriteOnce")) | nindent 6 }}
    {{- with .persistence.storageClass }}
    storageClassName: {{ . | quote }}
    {{- end }}
    resources:
      requests:
        storage: {{ .persistence.size | quote }}
{{- end }}
