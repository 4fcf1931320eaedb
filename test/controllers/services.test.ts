import { serviceLives } from "./lives/services.ts";
import { testLives } from "./properties.ts";

testLives(serviceLives);
