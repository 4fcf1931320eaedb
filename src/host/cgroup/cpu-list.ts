/** Lists and masks of processors, as the kernel writes them. Source: cpuset(7), "Formats" */

/** `0-1,3`; "" is none. Undefined: it is no list. */
export function parseCpuList(text: string): readonly number[] | undefined {
	if (text.trim() === "") return [];
	const cpus = new Set<number>();
	for (const part of text.trim().split(",")) {
		const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part);
		if (match === null) return undefined;
		const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
		if (last < first) return undefined;
		for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
	}
	return [...cpus].sort((a, b) => a - b);
}

/** @param cpus in ascending order @param shortestRange how many in a row are a range: util-linux writes `0,1`, the kernel `0-1` */
export function formatCpuList(cpus: readonly number[], shortestRange = 2): string {
	const runs: [first: number, last: number][] = [];
	for (const cpu of cpus) {
		const run = runs.at(-1);
		if (run !== undefined && run[1] === cpu - 1) run[1] = cpu;
		else runs.push([cpu, cpu]);
	}
	const text = ([first, last]: readonly [number, number]) => {
		if (last - first + 1 >= shortestRange && last > first) return `${first}-${last}`;
		return last === first ? `${first}` : `${first},${last}`;
	};
	return runs.map(text).join(",");
}

/** `f`: hexadecimal, without groups. */
export function cpuMask(cpus: readonly number[]): string {
	return cpus.reduce((mask, cpu) => mask | (1n << BigInt(cpu)), 0n).toString(16);
}

/** `0x3`, `3`. Undefined: it is no mask. */
export function parseCpuMask(text: string): readonly number[] | undefined {
	const digits = text.replace(/^0x/i, "").replaceAll(",", "");
	if (!/^[0-9a-f]{1,64}$/i.test(digits)) return undefined;
	const mask = BigInt(`0x${digits}`);
	return Array.from({ length: digits.length * 4 }, (_, cpu) => cpu).filter((cpu) => (mask & (1n << BigInt(cpu))) !== 0n);
}
