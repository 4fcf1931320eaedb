/**
 * The kubelet's command line: which flags there are, and which of them take no value.
 * Source: https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/
 */

const booleanFlags: ReadonlySet<string> = new Set(
	(
		"anonymous-auth authentication-token-webhook cgroups-per-qos contention-profiling cpu-cfs-quota enable-controller-attach-detach " +
		"enable-debugging-handlers enable-server exit-on-lock-contention fail-cgroupv1 fail-swap-on kernel-memcg-notification " +
		"local-storage-capacity-isolation log-text-split-stream logging-alsologtostderr make-iptables-util-chains protect-kernel-defaults " +
		"register-node rotate-certificates rotate-server-certificates runonce seccomp-default serialize-image-pulls " +
		"experimental-allocatable-ignore-eviction"
	).split(" "),
);

const valueFlags: ReadonlySet<string> = new Set(
	(
		"address allowed-unsafe-sysctls authentication-token-webhook-cache-ttl authorization-mode authorization-webhook-cache-authorized-ttl " +
		"authorization-webhook-cache-unauthorized-ttl bootstrap-kubeconfig cert-dir cgroup-driver cgroup-root client-ca-file cloud-config " +
		"cloud-provider cluster-dns cluster-domain config config-dir container-log-max-files container-log-max-size " +
		"container-runtime-endpoint cpu-cfs-quota-period cpu-manager-policy cpu-manager-policy-options cpu-manager-reconcile-period " +
		"enforce-node-allocatable event-burst event-qps eviction-hard eviction-max-pod-grace-period eviction-minimum-reclaim " +
		"eviction-pressure-transition-period eviction-soft eviction-soft-grace-period feature-gates file-check-frequency hairpin-mode " +
		"healthz-bind-address healthz-port hostname-override http-check-frequency image-credential-provider-bin-dir " +
		"image-credential-provider-config image-gc-high-threshold image-gc-low-threshold image-service-endpoint iptables-drop-bit " +
		"iptables-masquerade-bit kube-api-burst kube-api-content-type kube-api-qps kube-reserved kube-reserved-cgroup kubeconfig " +
		"kubelet-cgroups lock-file log-flush-frequency log-json-info-buffer-size log-text-info-buffer-size logging-format manifest-url " +
		"manifest-url-header max-open-files max-pods maximum-dead-containers maximum-dead-containers-per-container memory-manager-policy " +
		"minimum-container-ttl-duration minimum-image-ttl-duration node-ip node-labels node-status-max-images node-status-update-frequency " +
		"oom-score-adj pod-cidr pod-manifest-path pod-max-pids pods-per-core port qos-reserved read-only-port register-with-taints " +
		"registry-burst registry-qps reserved-cpus reserved-memory resolv-conf root-dir runtime-cgroups runtime-request-timeout " +
		"streaming-connection-idle-timeout sync-frequency system-cgroups system-reserved system-reserved-cgroup tls-cert-file " +
		"tls-cipher-suites tls-min-version tls-private-key-file topology-manager-policy topology-manager-policy-options " +
		"topology-manager-scope v vmodule volume-plugin-dir volume-stats-agg-period"
	).split(" "),
);

/** Values by flag, or pflag's complaint. */
export function parseKubeletFlags(args: readonly string[]): ReadonlyMap<string, string> | string {
	const values = new Map<string, string>();
	for (let at = 0; at < args.length; at++) {
		const argument = args[at] ?? "";
		if (!argument.startsWith("-") || argument === "-") return `unknown command ${argument}`;
		if (!argument.startsWith("--") && !/^-v\d*$/.test(argument) && !argument.startsWith("-v=")) {
			const letter = argument.charAt(1);
			return `failed to parse kubelet flag: unknown shorthand flag: '${letter}' in ${argument}`;
		}
		const [, name = "", , given] = /^--?([^=]*)(=(.*))?$/s.exec(argument) ?? [];
		const flag = name.replaceAll("_", "-").replace(/^v\d+$/, "v");
		if (!booleanFlags.has(flag) && !valueFlags.has(flag)) return `failed to parse kubelet flag: unknown flag: --${flag}`;
		if (given !== undefined) values.set(flag, given);
		else if (booleanFlags.has(flag)) values.set(flag, "true");
		else if (/^-v\d+$/.test(argument)) values.set("v", argument.slice(2));
		else if (at + 1 < args.length) values.set(flag, args[++at] ?? "");
		else return `failed to parse kubelet flag: flag needs an argument: --${flag}`;
		const value = values.get(flag) ?? "";
		if (booleanFlags.has(flag) && !/^(1|t|T|true|TRUE|True|0|f|F|false|FALSE|False)$/.test(value))
			return `failed to parse kubelet flag: invalid argument ${JSON.stringify(value)} for "--${flag}" flag: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`;
	}
	return values;
}
