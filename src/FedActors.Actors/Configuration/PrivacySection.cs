using FedActors.Core;
using FedActors.Core.Federation;

namespace FedActors.Actors.Configuration;

/// <summary>Reads <c>job.privacy</c>.</summary>
internal static class PrivacySection
{
    public static PrivacyPlan Read(HoconReader reader)
    {
        var plan = new PrivacyPlan(
            Names.Read<PrivacyMode>(reader, "mode"),
            Any(reader, "epsilon"),
            Any(reader, "noise-multiplier"),
            Any(reader, "delta") ?? 0,
            Any(reader, "clip") ?? 0,
            Any(reader, "sampling-rate") ?? 0,
            reader.Number("spare", 0, 10),
            (int)reader.Integer("minimum-survivors", 1, 100_000),
            (int)reader.Integer("assumed-colluders", 0, 100_000),
            reader.Number("minimum-survivor-share", 0, 1),
            reader.Has("patient-id") ? reader.Text("patient-id") : null);
        CheckProfiles(reader.Section("profiles"));
        var mode = reader.IsFaulty("mode") ? (PrivacyMode?)null : plan.Mode;
        foreach (var fault in JobPrivacy.OfPrivacy(plan with { Mode = mode ?? PrivacyMode.Off }).ToArray())
            if (!reader.IsFaulty(fault.Where))
                reader.Report(fault.Number, fault.What, reader.PathOf(fault.Where), fault.Fix);
        foreach (var key in (string[])["epsilon", "noise-multiplier"])
            if (mode == PrivacyMode.Off && reader.Has(key))
                reader.Report(FaultNumber.NotAllowedTogether, $"{key} is given while mode = off adds no noise.",
                    reader.PathOf(key),
                    "Give a mode, for example patient-local, or leave it out.");
        reader.Done();
        return plan;
    }

    // A profile's keys are read where its mode is the job's; here only that each is one.
    private static void CheckProfiles(HoconReader profiles)
    {
        foreach (var mode in Enum.GetValues<PrivacyMode>().Where(mode => mode != PrivacyMode.Off).Select(Names.Of))
        {
            var profile = profiles.Section(mode);
            foreach (var section in (string[])["training", "cohort", "secure-aggregation", "privacy", "evaluation"])
                profile.Section(section);
            profile.Done();
        }
        profiles.Done();
    }

    // What is in range is the accountants' to say, with numbers of their own.
    private static double? Any(HoconReader reader, string key) =>
        reader.Has(key) ? reader.Number(key, double.MinValue, double.MaxValue) : null;
}
