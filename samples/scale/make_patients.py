"""Makes patients.csv: 1,000 hospitals of 20 patients, none of whom exists. Same file on every machine.

The generator is SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) from seed 1, so that no library's version changes a row."""

HOSPITALS, PATIENTS, MASK = 1000, 20, 2**64 - 1
state = 1


def uniform():
    """Uniform in [0, 1), a multiple of 2^-53."""
    global state
    state = (state + 0x9E3779B97F4A7C15) & MASK
    mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
    return ((mixed ^ (mixed >> 31)) >> 11) / 2**53


def bell(mean, spread):
    """Nearly normal: the sum of twelve uniforms."""
    return mean + spread * (sum(uniform() for _ in range(12)) - 6)


with open("patients.csv", "w", newline="\n") as file:
    file.write("hospital,age,pressure,glucose,smoker,outcome\n")
    for hospital in range(1, HOSPITALS + 1):
        # Hospitals differ: in whom they see, and in how often things go wrong for the same patient.
        older, sicker = bell(0, 8), bell(0, 0.4)
        for _ in range(PATIENTS):
            age = min(95, max(20, round(bell(60, 12) + older)))
            pressure = min(220, max(80, round(bell(140, 20))))
            glucose = min(300, max(50, round(bell(105, 25))))
            smoker = int(uniform() < 0.3)
            risk = (age - 60) / 12 + 0.5 * (pressure - 140) / 20 + 0.7 * (glucose - 105) / 25 + 0.8 * smoker - 1 + sicker
            # A logistic coin: uniform() < 1 / (1 + exp(-risk)), by a power series that no platform rounds its own way.
            power, term = 1.0, 1.0
            for k in range(1, 60):
                term *= -risk / k
                power += term
            file.write(f"{hospital},{age},{pressure},{glucose},{smoker},{int(uniform() * (1 + power) < 1)}\n")
