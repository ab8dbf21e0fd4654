using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using FedActors.Actors.Provisioning;
using FedActors.Core.Identity;

namespace FedActors.Actors.Wire;

/// <summary>Who may be at the other end of a connection, by its certificate.</summary>
/// <param name="Kit">This site's.</param>
/// <param name="IsHubWelcome">Whether the hub may be.</param>
/// <param name="Hospitals">Who else may.</param>
public sealed record Admission(
    Kit Kit, bool IsHubWelcome, ImmutableArray<HospitalId> Hospitals, TimeProvider Clock)
{
    /// <summary>
    /// What speaks against a peer; null where nothing does. A certificate counts if its root, its dates and its usage
    /// do, and if its key is the one the roster has for its name.
    /// </summary>
    public string? RefusalOf(X509Certificate2? certificate)
    {
        if (certificate is null)
            return "it shows no certificate";
        var name = Certificates.NameOf(certificate);
        var asHub = IsHubWelcome && (Hospitals.IsEmpty || name == Kit.Manifest.Hub.Name);
        if (Kit.FaultOf(certificate, asHub, Clock.GetUtcNow(), "") is { } fault)
            return fault.ToString();
        if (!asHub && (!HospitalId.IsValid(name) || !Hospitals.Contains(new HospitalId(name))))
            return $"'{name}' is none of those that may connect here";
        var expected = asHub ? Kit.Roster.Coordinator : Kit.Roster.KeyOf(new HospitalId(name));
        return expected is not null && expected.Equals(Certificates.KeyOf(certificate))
            ? null
            : $"the roster does not name '{name}' with this key";
    }
}
