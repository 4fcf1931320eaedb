/**
 * Amounts of resources as plain numbers, ready to compare: what pods request, what nodes have. CPU counts in
 * thousandths of a core, everything else in base units (bytes, pieces). All amounts are whole numbers; a fraction is
 * rounded up, as Quantity.Value and MilliValue do.
 */
import { quantityToMilli, quantityToNumber } from "../../apimachinery/quantity.ts";

/** A resource list as it stands on the wire. */
export type ResourceList = Readonly<Record<string, string>>;

export class ResourceVector {
	milliCpu = 0;
	memoryBytes = 0;
	ephemeralStorageBytes = 0;
	/** How many pods a node takes; 0 in what pods request. */
	pods = 0;
	/** Extended resources, huge pages, attachable volumes: by name. Absent until there is one. */
	scalars: Map<string, number> | undefined;

	/** Resources that the scheduler does not account for (`storage`, say) are left out. */
	static from(list: ResourceList | undefined): ResourceVector {
		const vector = new ResourceVector();
		for (const name in list) vector.set(name, amountOf(name, list[name] ?? "0"));
		return vector;
	}

	/** 0 for what it does not have. */
	get(name: string): number {
		switch (name) {
			case "cpu":
				return this.milliCpu;
			case "memory":
				return this.memoryBytes;
			case "ephemeral-storage":
				return this.ephemeralStorageBytes;
			case "pods":
				return this.pods;
			default:
				return this.scalars?.get(name) ?? 0;
		}
	}

	set(name: string, amount: number): void {
		switch (name) {
			case "cpu":
				this.milliCpu = amount;
				break;
			case "memory":
				this.memoryBytes = amount;
				break;
			case "ephemeral-storage":
				this.ephemeralStorageBytes = amount;
				break;
			case "pods":
				this.pods = amount;
				break;
			default:
				if (!isScalarResource(name)) return;
				this.scalars ??= new Map();
				this.scalars.set(name, amount);
		}
	}

	/** Adds `sign` times the other's amounts to these. */
	add(other: ResourceVector, sign: 1 | -1 = 1): void {
		this.milliCpu += sign * other.milliCpu;
		this.memoryBytes += sign * other.memoryBytes;
		this.ephemeralStorageBytes += sign * other.ephemeralStorageBytes;
		if (other.scalars === undefined) return;
		this.scalars ??= new Map();
		for (const [name, amount] of other.scalars) this.scalars.set(name, (this.scalars.get(name) ?? 0) + sign * amount);
	}

	/** Raises each amount to the other's where that is more. */
	raiseTo(other: ResourceVector): void {
		this.milliCpu = Math.max(this.milliCpu, other.milliCpu);
		this.memoryBytes = Math.max(this.memoryBytes, other.memoryBytes);
		this.ephemeralStorageBytes = Math.max(this.ephemeralStorageBytes, other.ephemeralStorageBytes);
		if (other.scalars === undefined) return;
		this.scalars ??= new Map();
		for (const [name, amount] of other.scalars) this.scalars.set(name, Math.max(this.scalars.get(name) ?? 0, amount));
	}

	/** All amounts, as JSON has them: equal for equal vectors whose named resources stand in the same order. */
	toJSON(): unknown {
		const amounts = [this.milliCpu, this.memoryBytes, this.ephemeralStorageBytes, this.pods];
		return this.scalars === undefined ? amounts : [...amounts, ...this.scalars];
	}

	clone(): ResourceVector {
		const copy = new ResourceVector();
		copy.milliCpu = this.milliCpu;
		copy.memoryBytes = this.memoryBytes;
		copy.ephemeralStorageBytes = this.ephemeralStorageBytes;
		copy.pods = this.pods;
		if (this.scalars !== undefined) copy.scalars = new Map(this.scalars);
		return copy;
	}
}

/** Whether the scheduler counts a resource by name: extended ones (with a domain), huge pages and volume limits. */
function isScalarResource(name: string): boolean {
	return name.includes("/") || name.startsWith("hugepages-") || name.startsWith("attachable-volumes-");
}

/** Few texts stand in thousands of pods; parsed once. Bounded: cleared when it would grow past this. */
const maxKnownAmounts = 4096;
const knownMillis = new Map<string, number>();
const knownAmounts = new Map<string, number>();

function amountOf(name: string, text: string): number {
	return name === "cpu" ? remember(knownMillis, text, quantityToMilli) : remember(knownAmounts, text, quantityToNumber);
}

function remember(known: Map<string, number>, text: string, parse: (text: string) => number): number {
	const found = known.get(text);
	if (found !== undefined) return found;
	const amount = Math.ceil(parse(text));
	if (known.size >= maxKnownAmounts) known.clear();
	known.set(text, amount);
	return amount;
}
