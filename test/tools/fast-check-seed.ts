/**
 * One seed for all property-based tests, so that a run can be repeated and a change is judged by what it changes.
 * `FAST_CHECK_SEED=random npm test` looks elsewhere; a failure names its own seed.
 */
import fc from "fast-check";

const { FAST_CHECK_SEED = "20261128" } = process.env;
if (FAST_CHECK_SEED !== "random") fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(FAST_CHECK_SEED) });
