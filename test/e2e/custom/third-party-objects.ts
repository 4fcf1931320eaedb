/** Objects of third-party definitions as the projects' documentation has them, and ones with mistakes. */

/** Of what, the manifest, and what kubectl calls its objects. */
type Sample = readonly [string, string, readonly string[]];

export const objects: readonly Sample[] = [
	[
		"cert-manager: issuers by ACME and by an authority of one's own, and a certificate of each",
		`apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: { name: letsencrypt-staging }
spec:
  acme:
    email: user@example.com
    server: https://acme-staging-v02.api.letsencrypt.org/directory
    privateKeySecretRef: { name: example-issuer-account-key }
    solvers:
      - http01: { ingress: { class: nginx } }
      - selector: { dnsZones: [example.com] }
        dns01: { route53: { region: us-east-1, hostedZoneID: Z2940570OEXAMPLE, role: "arn:aws:iam::1:role/dns-manager" } }
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: { name: ca-issuer }
spec: { ca: { secretName: ca-key-pair } }
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: { name: example-com }
spec:
  secretName: example-com-tls
  secretTemplate: { labels: { my-secret-label: foo } }
  duration: 2160h
  renewBefore: 360h
  subject: { organizations: [jetstack] }
  isCA: false
  privateKey: { algorithm: RSA, encoding: PKCS1, size: 2048, rotationPolicy: Always }
  usages: [server auth, client auth]
  dnsNames: [example.com, www.example.com]
  uris: ["spiffe://cluster.local/ns/sandbox/sa/example"]
  ipAddresses: [192.168.0.5]
  issuerRef: { name: ca-issuer, kind: Issuer, group: cert-manager.io }
`,
		["clusterissuer.cert-manager.io/letsencrypt-staging", "issuer.cert-manager.io/ca-issuer", "certificate.cert-manager.io/example-com"],
	],
	[
		"Gateway API: a gateway and its routes",
		`apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: example }
spec: { controllerName: example.com/gateway-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: prod-web }
spec:
  gatewayClassName: example
  listeners:
    - { name: http, protocol: HTTP, port: 80, allowedRoutes: { namespaces: { from: Selector, selector: { matchLabels: { kubernetes.io/metadata.name: default } } } } }
    - { name: https, protocol: HTTPS, port: 443, tls: { certificateRefs: [{ name: example-com-tls }] } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: app }
spec:
  parentRefs: [{ name: prod-web }]
  hostnames: [foo.example.com]
  rules:
    - matches: [{ path: { type: PathPrefix, value: /login } }, { headers: [{ name: version, value: "2" }] }]
      filters:
        - type: RequestHeaderModifier
          requestHeaderModifier: { add: [{ name: my-header, value: foo }] }
      backendRefs: [{ name: foo-svc, port: 8080, weight: 90 }, { name: foo-canary, port: 8080, weight: 10 }]
`,
		[
			"gatewayclass.gateway.networking.k8s.io/example",
			"gateway.gateway.networking.k8s.io/prod-web",
			"httproute.gateway.networking.k8s.io/app",
		],
	],
	[
		"Forklift: a plan for machines that move, and what it refers to",
		`apiVersion: forklift.konveyor.io/v1beta1
kind: Provider
metadata: { name: vmware }
spec: { type: vsphere, url: "https://vcenter.example.com/sdk", secret: { name: vmware, namespace: default } }
---
apiVersion: forklift.konveyor.io/v1beta1
kind: NetworkMap
metadata: { name: network-map }
spec:
  map: [{ source: { id: network-13 }, destination: { type: pod } }]
  provider: { source: { name: vmware, namespace: default }, destination: { name: host, namespace: default } }
---
apiVersion: forklift.konveyor.io/v1beta1
kind: Plan
metadata: { name: move }
spec:
  warm: true
  provider: { source: { name: vmware, namespace: default }, destination: { name: host, namespace: default } }
  map: { network: { name: network-map, namespace: default }, storage: { name: storage-map, namespace: default } }
  targetNamespace: target
  vms: [{ id: vm-2431, hooks: [{ hook: { namespace: default, name: playbook }, step: PreHook }] }, { name: web }]
`,
		["provider.forklift.konveyor.io/vmware", "networkmap.forklift.konveyor.io/network-map", "plan.forklift.konveyor.io/move"],
	],
];

/** Of what, the manifest, and the lines that kubectl says of it. */
export const broken: readonly (readonly [string, string, readonly string[]])[] = [
	[
		"cert-manager: wrong values, types and a missing issuer",
		`apiVersion: cert-manager.io/v1
kind: Certificate
metadata: { name: broken }
spec:
  secretName: example-com-tls
  privateKey: { algorithm: DSA, size: "2048" }
  usages: [server auth, server]
  dnsNames: example.com
`,
		[
			'The Certificate "broken" is invalid: ',
			'* spec.dnsNames: Invalid value: "string": spec.dnsNames in body must be of type array: "string"',
			'* spec.privateKey.algorithm: Unsupported value: "DSA": supported values: "RSA", "ECDSA", "Ed25519"',
			'* spec.privateKey.size: Invalid value: "string": spec.privateKey.size in body must be of type integer: "string"',
			'* spec.usages[1]: Unsupported value: "server": supported values: "signing", "digital signature", "content commitment", "key encipherment", "key agreement", "data encipherment", "cert sign", "crl sign", "encipher only", "decipher only", "any", "server auth", "client auth", "code signing", "email protection", "s/mime", "ipsec end system", "ipsec tunnel", "ipsec user", "timestamping", "ocsp signing", "microsoft sgc", "netscape sgc"',
			"* spec.issuerRef: Required value",
		],
	],
	[
		"cert-manager: a field that there is not",
		`apiVersion: cert-manager.io/v1
kind: Issuer
metadata: { name: broken }
spec: { acme: { server: "https://acme.example.com", privateKeySecretRef: { name: key }, solvers: [{ http01: { ingres: {} } }] } }
`,
		[
			'Error from server (BadRequest): error when creating "STDIN": Issuer in version "v1" cannot be handled as a Issuer: strict decoding error: unknown field "spec.acme.solvers[0].http01.ingres"',
		],
	],
	[
		"Gateway API: bounds, patterns and enumerations",
		`apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: broken }
spec:
  hostnames: ["*.*.example.com", foo.example.com]
  rules:
    - matches: [{ path: { type: Prefix, value: /login } }]
      backendRefs: [{ name: foo-svc, port: 65536, weight: -1 }]
`,
		[
			'The HTTPRoute "broken" is invalid: ',
			"* spec.hostnames[0]: Invalid value: \"*.*.example.com\": spec.hostnames[0] in body should match '^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'",
			"* spec.rules[0].backendRefs[0].port: Invalid value: 65536: spec.rules[0].backendRefs[0].port in body should be less than or equal to 65535",
			"* spec.rules[0].backendRefs[0].weight: Invalid value: -1: spec.rules[0].backendRefs[0].weight in body should be greater than or equal to 0",
			'* spec.rules[0].matches[0].path.type: Unsupported value: "Prefix": supported values: "Exact", "PathPrefix", "RegularExpression"',
		],
	],
	[
		"Gateway API: an old version, and what it wants",
		`apiVersion: gateway.networking.k8s.io/v1beta1
kind: Gateway
metadata: { name: broken }
spec: { gatewayClassName: "", listeners: [], addresses: [{ type: IPAddress, value: nowhere }] }
`,
		[
			'The Gateway "broken" is invalid: ',
			'* <nil>: Invalid value: "": "spec.addresses[0]" must validate one and only one schema (oneOf). Found none valid',
			'* <nil>: Invalid value: "": "spec.addresses[0].value" must validate at least one schema (anyOf)',
			'* spec.addresses[0].value: Invalid value: "nowhere": spec.addresses[0].value in body must be of type ipv4: "nowhere"',
			'* spec.gatewayClassName: Invalid value: "": spec.gatewayClassName in body should be at least 1 chars long',
			"* spec.listeners: Invalid value: 0: spec.listeners in body should have at least 1 items",
		],
	],
	[
		"Forklift: what is required",
		`apiVersion: forklift.konveyor.io/v1beta1
kind: Plan
metadata: { name: broken }
spec: { warm: yes please, map: { network: {} }, vms: [{ hooks: [{ step: PreHook }] }] }
`,
		[
			'The Plan "broken" is invalid: ',
			"* spec.map.storage: Required value",
			"* spec.vms[0].hooks[0].hook: Required value",
			'* spec.warm: Invalid value: "string": spec.warm in body must be of type boolean: "string"',
			"* spec.provider: Required value",
			"* spec.targetNamespace: Required value",
		],
	],
];
