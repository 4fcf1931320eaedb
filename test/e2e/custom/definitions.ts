/**
 * CustomResourceDefinitions of the shape that well-known projects have: not theirs, but with what theirs are made of.
 */

/** As the Kubernetes documentation's: scale, status, columns, selectable fields. */
export const cronTab = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: crontabs.stable.example.com }
spec:
  group: stable.example.com
  scope: Namespaced
  names: { plural: crontabs, singular: crontab, kind: CronTab, shortNames: [ct], categories: [all] }
  versions:
    - name: v1
      served: true
      storage: true
      subresources:
        status: {}
        scale: { specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas, labelSelectorPath: .status.labelSelector }
      additionalPrinterColumns:
        - { name: Spec, type: string, description: The cron spec, jsonPath: .spec.cronSpec }
        - { name: Replicas, type: integer, jsonPath: .spec.replicas }
        - { name: Image, type: string, jsonPath: .spec.image, priority: 1 }
        - { name: Age, type: date, jsonPath: .metadata.creationTimestamp }
      selectableFields: [{ jsonPath: .spec.image }]
      schema:
        openAPIV3Schema:
          type: object
          description: A CronTab runs an image again and again.
          properties:
            spec:
              type: object
              description: What is to run, and when.
              required: [cronSpec]
              properties:
                cronSpec: { type: string, description: When., pattern: '^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$' }
                image: { type: string, default: busybox }
                replicas: { type: integer, minimum: 1, maximum: 10, default: 1 }
            status:
              type: object
              properties:
                replicas: { type: integer }
                labelSelector: { type: string }
                conditions:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [type]
                  items:
                    type: object
                    required: [type, status]
                    properties:
                      type: { type: string, maxLength: 63 }
                      status: { type: string, enum: ["True", "False", Unknown] }
                      lastTransitionTime: { type: string, format: date-time }
`;

/** As cert-manager's: several names, deep optional objects, enums, durations, conditions. */
export const certificate = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: certificates.pki.example.io, labels: { app: pki } }
spec:
  group: pki.example.io
  scope: Namespaced
  names: { kind: Certificate, listKind: CertificateList, plural: certificates, singular: certificate, shortNames: [cert, certs], categories: [pki] }
  conversion: { strategy: None }
  versions:
    - name: v1
      served: true
      storage: true
      subresources: { status: {} }
      additionalPrinterColumns:
        - { name: Ready, type: string, jsonPath: '.status.conditions[?(@.type == "Ready")].status' }
        - { name: Secret, type: string, jsonPath: .spec.secretName }
        - { name: Issuer, type: string, jsonPath: .spec.issuerRef.name, priority: 1 }
        - { name: Age, type: date, jsonPath: .metadata.creationTimestamp }
      schema:
        openAPIV3Schema:
          type: object
          properties:
            apiVersion: { type: string }
            kind: { type: string }
            metadata: { type: object }
            spec:
              type: object
              required: [secretName, issuerRef]
              properties:
                secretName: { type: string, minLength: 1 }
                commonName: { type: string }
                dnsNames: { type: array, x-kubernetes-list-type: atomic, items: { type: string } }
                duration: { type: string }
                isCA: { type: boolean }
                usages: { type: array, items: { type: string, enum: [signing, digital signature, server auth, client auth] } }
                issuerRef:
                  type: object
                  required: [name]
                  properties: { name: { type: string }, kind: { type: string, default: Issuer }, group: { type: string } }
                privateKey:
                  type: object
                  properties:
                    algorithm: { type: string, enum: [RSA, ECDSA, Ed25519] }
                    rotationPolicy: { type: string, enum: [Never, Always] }
                    size: { type: integer }
            status: { type: object, x-kubernetes-preserve-unknown-fields: true }
`;

/** As Argo's: spec and status of any shape, embedded templates, two versions. */
export const workflow = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: workflows.flow.example.io }
spec:
  group: flow.example.io
  scope: Namespaced
  names: { kind: Workflow, plural: workflows, shortNames: [wf] }
  versions:
    - name: v1alpha1
      served: true
      storage: false
      deprecated: true
      schema:
        openAPIV3Schema:
          type: object
          properties: { spec: { type: object, x-kubernetes-preserve-unknown-fields: true }, status: { type: object, x-kubernetes-preserve-unknown-fields: true } }
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              x-kubernetes-preserve-unknown-fields: true
              properties:
                entrypoint: { type: string }
                parallelism: { x-kubernetes-int-or-string: true }
                template: { type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true }
            status: { type: object, x-kubernetes-preserve-unknown-fields: true }
`;

/** As the Gateway API's: cluster-scoped beside namespaced, lists with keys, alternatives. */
export const gateway = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: gateways.gateway.example.io
spec:
  group: gateway.example.io
  scope: Cluster
  names: { kind: Gateway, plural: gateways, shortNames: [gtw] }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec:
              type: object
              required: [listeners]
              properties:
                address: { type: string, anyOf: [{ format: ipv4 }, { format: ipv6 }] }
                listeners:
                  type: array
                  minItems: 1
                  maxItems: 64
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [name]
                  items:
                    type: object
                    required: [name, port]
                    oneOf: [{ required: [hostname] }, { required: [prefix] }]
                    properties:
                      name: { type: string, maxLength: 253 }
                      port: { type: integer, format: int32, minimum: 1, maximum: 65535 }
                      hostname: { type: string }
                      prefix: { type: string }
                labels: { type: object, maxProperties: 2, additionalProperties: { type: string } }
`;
