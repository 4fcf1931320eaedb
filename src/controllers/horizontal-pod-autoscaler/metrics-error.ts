/** Why a number of replicas cannot be computed; the message is what conditions and events show. */
export class MetricsError extends Error {
	override readonly name = "MetricsError";
}
