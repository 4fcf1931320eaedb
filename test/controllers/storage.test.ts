import { claimLives } from "./lives/claims.ts";
import { testLives } from "./properties.ts";

testLives(claimLives);
