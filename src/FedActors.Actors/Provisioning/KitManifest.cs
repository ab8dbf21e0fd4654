using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace FedActors.Actors.Provisioning;

/// <summary>What a kit says of its federation, signed by the hub's root: the same for every site but for
/// <paramref name="Site"/>.</summary>
/// <param name="Federation">Its name.</param>
/// <param name="Version">Grows with every member, certificate and revocation: sites of one federation run the same
/// one.</param>
/// <param name="Site">Whom the kit is for.</param>
/// <param name="Hub">Where hospitals call.</param>
/// <param name="Hospitals">Every member, sorted by name.</param>
/// <param name="Revoked">Serial numbers of certificates that count no more.</param>
/// <param name="Files">SHA-256 of each file of the kit.</param>
public sealed record KitManifest(
    string Schema, string Federation, int Version, DateTimeOffset Issued, string Site, KitHub Hub,
    ImmutableArray<KitMember> Hospitals,
    ImmutableArray<string> Revoked, ImmutableSortedDictionary<string, string> Files)
{
    public const string CurrentSchema = "fedactors.kit/1";

    internal static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
    };
}

/// <param name="Name">The hub's.</param>
/// <param name="Host">DNS name or address.</param>
/// <param name="Key">Its public key, 128 hex digits.</param>
public sealed record KitHub(string Name, string Host, int Port, string Key);

/// <param name="Name">The hospital's id.</param>
/// <param name="Key">Its public key, 128 hex digits.</param>
public sealed record KitMember(string Name, string Key);
