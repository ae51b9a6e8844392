// What a new password must fulfil, and how strong it is while it is typed. The service judges; nothing of it is decided
// here.

import { call } from "./api.js";
import { element } from "./page.js";

const WORDS = ["Very weak", "Weak", "Could be stronger", "Strong", "Very strong"];
// Long enough that not every letter is a question.
const PAUSE = 300;

// `about` says what is known of the owner, as `POST /v1/password-strength` takes it.
export function showStrength(input, about = () => ({})) {
  const [meter, hint] = [element("strength"), element("strength-hint")];
  let before = hint.textContent;
  let timer = null;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => judge(input.value), PAUSE);
  });
  input.addEventListener("focus", tellRules);
  input.form.addEventListener("reset", () => describe(null, before));
  tellRules();

  // The shortest length stands there before anybody types. Which one it is may depend on the link that was opened since.
  async function tellRules() {
    const rules = await call("GET", "/v1/password-rules").catch(() => null);
    if (!rules) return;
    const least = about().second_factor ? rules.min_length_with_second_factor : rules.min_length;
    const after = `At least ${least} characters. Three or four words that nobody would put together are easy to remember.`;
    if (hint.textContent === before) hint.textContent = after;
    before = after;
  }

  async function judge(password) {
    if (password === "") return describe(null, before);
    const { known = [], second_factor = false } = about();
    const owner = { known: known.filter(Boolean).map((text) => text.slice(0, 254)), second_factor };
    try {
      const judged = await call("POST", "/v1/password-strength", { password, ...owner });
      // Another letter was typed meanwhile: its own answer comes.
      if (password !== input.value) return;
      const advice = [judged.warning, ...(judged.suggestions ?? [])].filter(Boolean);
      const verdict = judged.acceptable ? WORDS[judged.score] : "Not strong enough";
      describe(judged.score, [verdict, ...advice].map((text) => text.replace(/\.?$/, ".")).join(" "));
    } catch {
      // The password is judged again when it is sent.
      describe(null, before);
    }
  }

  function describe(score, text) {
    if (score === null) delete meter.dataset.score;
    else meter.dataset.score = score;
    hint.textContent = text;
  }
}
