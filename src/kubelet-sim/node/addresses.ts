/** Addresses of nodes and pods: each node has a /24 for its pods, from which it takes the next free one in turn. */

/** The first three parts of the address range of the n-th node, 0 and up: `10.244.0`, then on beyond 10.255 from 10.128. */
export function podCidrOf(index: number): string {
	const perBlock = (256 - 244) * 256;
	const address = index < perBlock ? 244 * 256 + index : 128 * 256 + (index - perBlock);
	return `10.${address >> 8}.${address & 255}.0/24`;
}

/** `172.18.0.2` and on. */
export function nodeAddressOf(index: number): string {
	const host = index + 2;
	return `172.18.${host >> 8}.${host & 255}`;
}

/** The node's range has no address left. */
export class OutOfAddressesError extends Error {
	constructor(cidr: string) {
		super(`no IP addresses available in range set: ${cidr}`);
		this.name = "OutOfAddressesError";
	}
}

/** Addresses .2 to .254 of a /24; .1 is the node's bridge. */
export class PodAddresses {
	readonly cidr: string;
	readonly #prefix: string;
	#used: Uint8Array | undefined;
	/** The last one given out: addresses go round, so that a new pod rarely has a dead one's. */
	#last = 1;

	constructor(cidr: string) {
		this.cidr = cidr;
		this.#prefix = cidr.slice(0, cidr.lastIndexOf(".") + 1);
	}

	/** Throws `OutOfAddressesError`. */
	allocate(): string {
		this.#used ??= new Uint8Array(256);
		for (let tried = 0; tried < 253; tried++) {
			this.#last = this.#last >= 254 ? 2 : this.#last + 1;
			if (this.#used[this.#last] !== 0) continue;
			this.#used[this.#last] = 1;
			return this.#prefix + this.#last;
		}
		throw new OutOfAddressesError(this.cidr);
	}

	/** Takes an address that a pod has from before. */
	reserve(address: string): void {
		if (!address.startsWith(this.#prefix)) return;
		this.#used ??= new Uint8Array(256);
		const host = Number(address.slice(this.#prefix.length));
		this.#used[host] = 1;
		this.#last = Math.max(this.#last, host);
	}

	release(address: string): void {
		if (this.#used !== undefined && address.startsWith(this.#prefix)) this.#used[Number(address.slice(this.#prefix.length))] = 0;
	}
}
