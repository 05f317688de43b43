// Equations 8 and 9 for every query, in doubles, in the order of fgnb.ccfr.rerank_neighbors.
function equations(data) {
  "use strict";
  function bytes(text) {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  }
  const classIds = (text) =>
    data.bytesPerClass === 1 ? new Uint8Array(bytes(text)) : new Uint16Array(bytes(text));
  // Half-precision numbers, which arrays of a script can't hold: widened, none changes.
  function widened(buffer) {
    return Float32Array.from(new Uint16Array(buffer), (bits) => {
      const exponent = (bits >> 10) & 31, mantissa = (bits & 1023) / 1024;
      const size = exponent ? (1 + mantissa) * 2 ** (exponent - 15) : mantissa * 2 ** -14;
      return bits & 0x8000 ? -size : size;
    });
  }
  const floats = (text) =>
    data.bytesPerFloat === 2 ? widened(bytes(text)) : new Float32Array(bytes(text));
  const Q = data.queries, R = data.ranks, K = data.neighbors;
  const probs = floats(data.probs), sims = floats(data.sims);
  const top = classIds(data.top), near = classIds(data.near), truth = classIds(data.truth);
  const rows = data.rows ? new Uint16Array(bytes(data.rows)) : null;

  function rankOf(q, label, topn) {
    for (let r = 0; r < topn; r++) if (top[q * R + r] === label) return r;
    return -1;
  }

  // S_c of equation 9 for the topn classes of query q; null where it is undefined.
  function shares(q, s) {
    const topn = Math.min(s.topn, R), topm = Math.min(s.topm, K);
    const totals = new Array(topn).fill(0);
    for (let k = 0; k < topm; k++) {
      const sim = sims[q * K + k];
      if (sim > s.t_sc) {
        const r = rankOf(q, near[q * K + k], topn);
        if (r >= 0) totals[r] += sim;
      }
    }
    let whole = 0;
    for (const total of totals) whole += total;
    const found = totals.map((total) => total / whole);
    return found.every(Number.isFinite) ? found : null;
  }

  // Equation 8 for the topn classes.
  function scores(q, share, s, t_sf) {
    const topn = Math.min(s.topn, R), found = new Array(topn);
    for (let r = 0; r < topn; r++) {
      const p = probs[q * R + r];
      const sure = (s.gate === "class" ? p : probs[q * R]) >= t_sf;
      found[r] = sure || share === null ? p : s.alpha * p + s.beta * share[r];
    }
    return found;
  }

  // The class of the highest score; equal scores go to the first column.
  function answer(q, score) {
    let best = 0;
    for (let r = 1; r < score.length; r++) {
      const tied = score[r] === score[best] && top[q * R + r] < top[q * R + best];
      if (score[r] > score[best] || tied) best = r;
    }
    return top[q * R + best];
  }

  function kindOf(change) {
    if (change.after === change.true) return "rectified";
    return change.before === change.true ? "spoiled" : "still wrong";
  }

  function wilson(k) {
    const share = k / Q, z = data.z, weight = (z * z) / Q;
    const centre = (share + weight / 2) / (1 + weight);
    const half = (z * Math.sqrt((share * (1 - share)) / Q + weight / (4 * Q))) / (1 + weight);
    return [k === 0 ? 0 : Math.max(0, centre - half), k === Q ? 1 : Math.min(1, centre + half)];
  }

  function evaluate(s) {
    const result = { correct: 0, before: 0, changed: [], curve: new Array(101).fill(0) };
    for (let q = 0; q < Q; q++) {
      const share = shares(q, s);
      const before = top[q * R], after = answer(q, scores(q, share, s, s.t_sf));
      result.before += before === truth[q];
      result.correct += after === truth[q];
      if (before !== after) result.changed.push({ query: q, true: truth[q], before, after });
      for (let i = 0; i <= 100; i++)
        result.curve[i] += answer(q, scores(q, share, s, i / 100)) === truth[q];
    }
    return result;
  }

  return { Q, R, K, probs, sims, top, near, rows, rankOf, shares, scores, kindOf, wilson, evaluate };
}
