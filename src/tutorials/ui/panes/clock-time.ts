/** Cluster time as a clock shows it: `12:00:07`. @param atMs Unix ms */
export function clockTime(atMs: number): string {
	return new Date(atMs).toISOString().slice(11, 19);
}
