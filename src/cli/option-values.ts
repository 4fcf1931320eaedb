/** What the value of an option may be. Each throws commander's InvalidArgumentError, which names the option. */
import { InvalidArgumentError } from "commander";

export function integerBetween(min: number, max: number) {
	return (text: string): number => {
		const value = Number(text);
		if (!/^\d+$/.test(text) || value < min || value > max)
			throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
		return value;
	};
}

export function positiveNumber(text: string): number {
	const value = Number(text);
	if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number greater than 0.");
	return value;
}
