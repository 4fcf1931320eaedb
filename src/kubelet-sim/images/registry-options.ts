/** A registry as a user describes it: where it differs from one that gives everything to everybody. */

export interface RegistryAccount {
	readonly username: string;
	readonly password: string;
}

export interface RegistryOptions {
	/** As references name it: `registry.example.com:5000`, `docker.io`. */
	readonly host: string;
	/** Over plain HTTP a node pulls only if its runtime is told so, see `isPlainHttpConfigured`. Default https. */
	readonly scheme?: "https" | "http";
	/** Who may pull; absent: everybody. */
	readonly accounts?: readonly RegistryAccount[];
	/** `known`: only images that kubesim has or that were loaded; default `anything`. */
	readonly contents?: "anything" | "known";
	/** False: its name is not known to DNS. Default true. */
	readonly reachable?: boolean;
	/** What every pull takes longer, ms; default 0. */
	readonly latencyMs?: number;
	/** Of its connection, bytes a second; default that of the latency model. */
	readonly bytesPerSecond?: number;
}

/** `docker.io` of `docker.io/library/nginx`. */
export function registryHostOf(repository: string): string {
	return repository.slice(0, repository.indexOf("/"));
}

/**
 * Whether containerd's `hosts.toml` of a registry sends it to plain HTTP: its server, or a host of its own that may resolve and pull.
 * Source: https://github.com/containerd/containerd/blob/main/docs/hosts.md
 */
export function isPlainHttpConfigured(hostsToml: string): boolean {
	return /^\s*(?:server\s*=\s*"http:\/\/|\[host\."http:\/\/)/m.test(hostsToml);
}
