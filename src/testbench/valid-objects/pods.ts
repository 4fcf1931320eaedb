/** Pods, and what is made from templates of them. */
import fc from "fast-check";
import {
	annotations,
	count,
	countOrPercent,
	cpu,
	having,
	image,
	label,
	labels,
	matched,
	matchLabels,
	memory,
	named,
	nodeSelector,
	oneOf,
	type Part,
	type Parts,
	port,
	qualifiedName,
	seconds,
	selector,
	some,
	text,
} from "./parts.ts";

/** Requests that are not above the limits. */
const resources: Part = fc.oneof(
	having({ requests: having({}, { cpu, memory }) }),
	having({ limits: having({}, { cpu, memory }) }),
	having({}, { cpu, memory }).map((both) => ({ requests: both, limits: both })),
);

const handler: Part = fc.oneof(
	having({ exec: having({ command: fc.constant(["true"]) }) }),
	having({ httpGet: having({ port }, { path: oneOf("/", "/healthz"), scheme: oneOf("HTTP", "HTTPS") }) }),
	having({ tcpSocket: having({ port }) }),
);
const probe = (isLiveness: boolean): Part =>
	fc
		.tuple(
			handler,
			having(
				{},
				{
					initialDelaySeconds: count,
					periodSeconds: seconds,
					timeoutSeconds: seconds,
					failureThreshold: seconds,
					...(isLiveness ? {} : { successThreshold: seconds }),
				},
			),
		)
		.map(([how, when]) => ({ ...(how as object), ...when }));

const variable = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,9}$/);
const variables: Part = fc.uniqueArray(
	fc.oneof(
		having({ name: variable, value: text }),
		having({
			name: variable,
			valueFrom: oneOf({ fieldRef: { fieldPath: "metadata.name" } }, { configMapKeyRef: { name: "settings", key: "a", optional: true } }),
		}),
	),
	{ maxLength: 3, selector: ({ name }) => name },
);

/** Of each protocol once. */
const ports: Part = fc.uniqueArray(having({ containerPort: port }, { protocol: oneOf("TCP", "UDP") }), {
	maxLength: 3,
	selector: ({ containerPort, protocol }) => `${containerPort}/${protocol ?? "TCP"}`,
});

const volumeSource: Part = fc.oneof(
	having({ emptyDir: having({}, { medium: oneOf("", "Memory"), sizeLimit: memory }) }),
	having({ configMap: having({ name: label }, { optional: fc.constant(true), defaultMode: oneOf(0o644, 0o400) }) }),
	having({ secret: having({ secretName: label }, { optional: fc.constant(true) }) }),
	having({ persistentVolumeClaim: having({ claimName: label }, { readOnly: fc.boolean() }) }),
	having({ hostPath: having({ path: oneOf("/var/log", "/data") }, { type: oneOf("", "DirectoryOrCreate") }) }),
	having({ downwardAPI: having({ items: fc.constant([{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }]) }) }),
);

const security: Parts = {
	runAsUser: fc.nat(65_535),
	runAsNonRoot: fc.constant(false),
	seccompProfile: oneOf({ type: "RuntimeDefault" }, { type: "Unconfined" }),
};

const container: Part = having(
	{ image },
	{
		command: fc.constant(["sh", "-c", "sleep 1000"]),
		args: fc.array(text, { maxLength: 2 }),
		env: variables,
		ports,
		resources,
		imagePullPolicy: oneOf("Always", "IfNotPresent", "Never"),
		readinessProbe: probe(false),
		livenessProbe: probe(true),
		startupProbe: probe(true),
		terminationMessagePolicy: oneOf("File", "FallbackToLogsOnError"),
		workingDir: oneOf("/", "/tmp"),
		stdin: fc.boolean(),
		tty: fc.boolean(),
		securityContext: having(
			{},
			{
				...security,
				readOnlyRootFilesystem: fc.boolean(),
				allowPrivilegeEscalation: fc.boolean(),
				capabilities: having({}, { add: some(oneOf("NET_ADMIN", "SYS_TIME")), drop: fc.constant(["ALL"]) }),
			},
		),
	},
);

const toleration: Part = fc.oneof(
	having({ key: qualifiedName, operator: fc.constant("Exists") }, { effect: oneOf("NoSchedule", "PreferNoSchedule", "NoExecute") }),
	having({ key: qualifiedName, value: label }, { operator: fc.constant("Equal"), effect: oneOf("NoSchedule", "PreferNoSchedule") }),
	having({ key: qualifiedName, operator: fc.constant("Exists"), effect: fc.constant("NoExecute"), tolerationSeconds: seconds }),
);

const podTerm: Part = having({ topologyKey: oneOf("kubernetes.io/hostname", "topology.kubernetes.io/zone") }, { labelSelector: selector });
const podAffinity: Part = having(
	{},
	{
		requiredDuringSchedulingIgnoredDuringExecution: fc.array(podTerm, { maxLength: 2 }),
		preferredDuringSchedulingIgnoredDuringExecution: fc.array(
			having({ weight: fc.integer({ min: 1, max: 100 }), podAffinityTerm: podTerm }),
			{ maxLength: 2 },
		),
	},
);

/** Every container mounts some of the volumes. */
function withMounts([spec, mounted]: readonly [Readonly<Record<string, unknown>>, boolean]): Readonly<Record<string, unknown>> {
	const { containers, volumes = [] } = spec as {
		readonly containers: readonly object[];
		readonly volumes?: readonly { readonly name: string }[];
	};
	if (!mounted || volumes.length === 0) return spec;
	const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/mnt/${name}` }));
	return { ...spec, containers: containers.map((each) => ({ ...each, volumeMounts })) };
}

/** A PodSpec. @param restartPolicy those that the owner allows */
export function podSpec(restartPolicy: Part = oneOf("Always", "OnFailure", "Never"), required = false): Part {
	const policy: Parts = { restartPolicy };
	const spec = having(
		{ containers: named(container, 1, 2), ...(required ? policy : {}) },
		{
			...(required ? {} : policy),
			volumes: named(volumeSource),
			terminationGracePeriodSeconds: fc.nat(60),
			nodeSelector: labels,
			tolerations: some(toleration),
			affinity: having(
				{},
				{
					nodeAffinity: having({ requiredDuringSchedulingIgnoredDuringExecution: nodeSelector }),
					podAffinity,
					podAntiAffinity: podAffinity,
				},
			),
			topologySpreadConstraints: fc.array(
				having({
					maxSkew: fc.integer({ min: 1, max: 3 }),
					topologyKey: fc.constant("kubernetes.io/hostname"),
					whenUnsatisfiable: oneOf("DoNotSchedule", "ScheduleAnyway"),
					labelSelector: selector,
				}),
				{ maxLength: 1 },
			),
			securityContext: having({}, { ...security, fsGroup: fc.nat(65_535) }),
			hostname: label,
			subdomain: label,
			dnsPolicy: oneOf("ClusterFirst", "Default"),
			automountServiceAccountToken: fc.boolean(),
			enableServiceLinks: fc.boolean(),
			shareProcessNamespace: fc.boolean(),
			hostAliases: fc.constant([{ ip: "192.0.2.1", hostnames: ["a.example.com"] }]),
			schedulingGates: named(fc.constant({})),
			imagePullSecrets: fc.constant([{ name: "registry" }]),
		},
	);
	return fc.tuple(spec, fc.boolean()).map(withMounts);
}

const always = fc.constant("Always");
const ends = oneOf("Never", "OnFailure");

/** A pod's spec as a template of controllers that run it forever: what only one pod can have is left out. */
export const template: Part = having({ spec: podSpec(always) }, { metadata: having({}, { labels, annotations }) });

/** A spec with a selector, and a template that it matches. */
function selecting(optional: Parts, kind: "map" | "selector" = "selector", required: Parts = {}): Part {
	const match: fc.Arbitrary<{ readonly labels: unknown; readonly selector: unknown }> = kind === "map" ? matched : matchLabels;
	return fc.tuple(match, podSpec(always), having(required, optional)).map(([{ labels: own, selector: wanted }, spec, rest]) => ({
		...rest,
		selector: wanted,
		template: { metadata: { labels: own }, spec },
	}));
}

const rolling = (other: string, rollingUpdate: Part): Part =>
	fc.oneof(having({ type: fc.constant(other) }), having({ type: fc.constant("RollingUpdate") }, { rollingUpdate }));

const jobSpec: Part = having(
	{ template: having({ spec: podSpec(ends, true) }, { metadata: having({}, { labels, annotations }) }) },
	{
		parallelism: count,
		completions: fc.integer({ min: 1, max: 5 }),
		backoffLimit: count,
		activeDeadlineSeconds: seconds,
		ttlSecondsAfterFinished: seconds,
		suspend: fc.boolean(),
		completionMode: fc.constant("NonIndexed"),
		podReplacementPolicy: oneOf("TerminatingOrFailed", "Failed"),
	},
);

const claimSpec: Part = having(
	{
		accessModes: some(oneOf("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"), 1),
		resources: having({ requests: having({ storage: memory }) }),
	},
	{ volumeMode: oneOf("Filesystem", "Block"), storageClassName: label, selector },
);

/** By kind: what stands beside metadata. */
export const workloads: Readonly<Record<string, Part>> = {
	Pod: having({ spec: podSpec() }),
	PodTemplate: having({ template }),
	ReplicationController: having({ spec: selecting({ replicas: count, minReadySeconds: seconds }, "map") }),
	ReplicaSet: having({ spec: selecting({ replicas: count, minReadySeconds: seconds }) }),
	Deployment: having({
		spec: selecting({
			replicas: count,
			minReadySeconds: count,
			paused: fc.boolean(),
			revisionHistoryLimit: count,
			progressDeadlineSeconds: fc.integer({ min: 10, max: 900 }),
			strategy: rolling("Recreate", having({}, { maxSurge: countOrPercent, maxUnavailable: countOrPercent })),
		}),
	}),
	DaemonSet: having({
		spec: selecting({
			minReadySeconds: count,
			revisionHistoryLimit: count,
			updateStrategy: rolling(
				"OnDelete",
				fc.oneof(having({ maxUnavailable: countOrPercent }), having({ maxSurge: countOrPercent, maxUnavailable: fc.constant(0) })),
			),
		}),
	}),
	StatefulSet: having({
		spec: selecting(
			{
				replicas: count,
				minReadySeconds: count,
				podManagementPolicy: oneOf("OrderedReady", "Parallel"),
				revisionHistoryLimit: count,
				ordinals: having({ start: count }),
				volumeClaimTemplates: fc.array(
					fc.tuple(label, claimSpec).map(([name, spec]) => ({ metadata: { name }, spec })),
					{ maxLength: 1 },
				),
				persistentVolumeClaimRetentionPolicy: having({}, { whenDeleted: oneOf("Retain", "Delete"), whenScaled: oneOf("Retain", "Delete") }),
				updateStrategy: rolling("OnDelete", having({}, { partition: count })),
			},
			"selector",
			{ serviceName: label },
		),
	}),
	ControllerRevision: having({ revision: fc.nat(1000), data: having({}, { spec: having({}, { replicas: count }) }) }),
	Job: having({ spec: jobSpec }),
	CronJob: having({
		spec: having(
			{
				schedule: oneOf("* * * * *", "*/5 * * * *", "0 3 * * *", "15 14 1 * *", "0 22 * * 1-5", "@hourly", "@every 1h30m"),
				jobTemplate: having({ spec: jobSpec }, { metadata: having({}, { labels, annotations }) }),
			},
			{
				concurrencyPolicy: oneOf("Allow", "Forbid", "Replace"),
				startingDeadlineSeconds: seconds,
				suspend: fc.boolean(),
				successfulJobsHistoryLimit: count,
				failedJobsHistoryLimit: count,
				timeZone: oneOf("Etc/UTC", "Europe/Zurich"),
			},
		),
	}),
	PersistentVolumeClaim: having({ spec: claimSpec }),
};
