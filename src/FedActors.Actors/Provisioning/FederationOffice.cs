using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using FedActors.Core;
using FedActors.Core.Identity;

namespace FedActors.Actors.Provisioning;

/// <summary>
/// The folder of whoever founds a federation: both roots with their private keys, the list of members and what was
/// issued to them. Belongs on a machine that is not on a network; no other private key ever comes here.
/// </summary>
public sealed class FederationOffice
{
    private const string StateFile = "federation.json";
    private const string IssuedFolder = "issued";
    private static readonly TimeSpan RootLifetime = TimeSpan.FromDays(3650);

    private readonly string _folder;
    private readonly TimeProvider _clock;
    private State _state;

    private FederationOffice(string folder, State state, TimeProvider clock) =>
        (_folder, _state, _clock) = (folder, state, clock);

    /// <summary>Founds a federation in an empty or new folder.</summary>
    /// <exception cref="FaultException">FA-7024: there is one already.</exception>
    public static FederationOffice Init(
        string folder, string federation, string hub, string host, int port, TimeProvider clock)
    {
        if (File.Exists(Path.Combine(folder, StateFile)))
            throw new FaultException(
                new Fault(FaultNumber.FolderTaken, "There is a federation in this folder already.", folder,
                "Give another folder: a federation's roots are made once."));
        CheckName(federation);
        CheckName(hub);
        Directory.CreateDirectory(Path.Combine(folder, IssuedFolder));
        var now = clock.GetUtcNow();
        foreach (var (file, what) in new[] { (Kit.HubRootFile, "hubs"), (Kit.SiteRootFile, "sites") })
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            PrivateFile.Write(Path.Combine(folder, Path.ChangeExtension(file, ".key")), key);
            using var root = Certificates.NewRoot($"{federation} {what}", key, now, RootLifetime);
            File.WriteAllText(Path.Combine(folder, file), root.ExportCertificatePem() + "\n");
        }
        var office = new FederationOffice(folder, new State(federation, 1, new Place(hub, host, port), [], []), clock);
        office.Save();
        return office;
    }

    /// <exception cref="FaultException">FA-7012: there is no federation in the folder.</exception>
    public static FederationOffice Open(string folder, TimeProvider clock)
    {
        try
        {
            return new FederationOffice(
                folder,
                JsonSerializer.Deserialize<State>(File.ReadAllText(Path.Combine(folder, StateFile)), KitManifest.Json)!,
                clock);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new FaultException(
                new Fault(FaultNumber.KitUnreadable, "There is no federation in this folder.", folder,
                "Found one with 'fedactors provision init', or give its folder."));
        }
    }

    /// <summary>At a site: a new private key, and the request that goes to the office. The key stays where it is
    /// made.</summary>
    /// <returns>The request's file.</returns>
    /// <exception cref="FaultException">FA-7024: there is a key of this name already.</exception>
    public static string Request(string folder, string name)
    {
        CheckName(name);
        Directory.CreateDirectory(folder);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var file = Path.Combine(folder, name + ".key");
        if (File.Exists(file))
            throw new FaultException(new Fault(FaultNumber.FolderTaken, "This site has a key already.", file,
                "Keep it; for a new one move the old key away first, and have the certificate rotated."));
        PrivateFile.Write(file, key);
        var request = Path.Combine(folder, name + ".csr");
        File.WriteAllText(request, new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256)
            .CreateSigningRequestPem() + "\n");
        return request;
    }

    /// <summary>Issues a certificate for a request. The hub's name gets a hub's, any other a hospital's.</summary>
    /// <param name="isRotation">Whether the site is known already: its former certificate is revoked.</param>
    /// <returns>The site's name.</returns>
    /// <exception cref="FaultException">FA-7025 to FA-7027.</exception>
    public string Sign(string requestFile, bool isRotation, TimeSpan lifetime)
    {
        var request = ReadRequest(requestFile);
        var name = request.SubjectName.Name.StartsWith("CN=", StringComparison.Ordinal)
            ? request.SubjectName.Name[3..]
            : "";
        CheckName(name);
        var known = _state.Members.FirstOrDefault(member => member.Name == name);
        if (known is not null && !isRotation)
            throw new FaultException(
                new Fault(FaultNumber.SiteNameTaken, $"'{name}' has a certificate already.", requestFile,
                "If it is the same site, use 'fedactors provision rotate', which revokes the old one; if not, it "
                    + "needs another name."));
        if (known is null && isRotation)
            throw new FaultException(Unknown(name, requestFile));
        var isHub = name == _state.Hub.Name;
        using var root = Root(isHub ? Kit.HubRootFile : Kit.SiteRootFile);
        using var certificate =
            Certificates.NewLeaf(name, request.PublicKey, isHub ? _state.Hub.Host : null, root, _clock.GetUtcNow(),
                lifetime);
        string key;
        try
        {
            key = Convert.ToHexStringLower(Certificates.KeyOf(certificate).Point.Span);
        }
        catch (ArgumentException)
        {
            throw Malformed(requestFile, "its key is not of P-256");
        }
        if (_state.Members.Any(member => member.Key == key && member.Name != name))
            throw new FaultException(new Fault(FaultNumber.SiteNameTaken, "Another site has the same key.", requestFile,
                "Every site makes its own: 'fedactors provision csr' at that site."));
        File.WriteAllText(IssuedFile(name), certificate.ExportCertificatePem() + "\n");
        _state = _state with
        {
            Version = _state.Version + 1,
            Members =
            [.. _state.Members.Where(member => member.Name != name)
                .Append(new Member(name, key, certificate.SerialNumber)).OrderBy(m => m.Name, StringComparer.Ordinal)],
            Revoked = known is null ? _state.Revoked : _state.Revoked.Add(known.Serial),
        };
        Save();
        return name;
    }

    /// <summary>The site's certificate counts no more, and it leaves the roster.</summary>
    /// <exception cref="FaultException">FA-7027.</exception>
    public void Revoke(string name)
    {
        var member = _state.Members.FirstOrDefault(member => member.Name == name)
            ?? throw new FaultException(Unknown(name, _folder));
        _state = _state
            with
        {
            Version = _state.Version + 1,
            Members = _state.Members.Remove(member),
            Revoked = _state.Revoked.Add(member.Serial)
        };
        Save();
    }

    /// <summary>Writes the kit of a site: certificates, the list of members, and its signature. No private
    /// key.</summary>
    /// <exception cref="FaultException">FA-7027: no certificate was issued for the site, or none for the hub
    /// yet.</exception>
    public void Package(string name, string folder)
    {
        var hub = _state.Members.FirstOrDefault(member => member.Name == _state.Hub.Name)
            ?? throw new FaultException(Unknown(_state.Hub.Name, _folder));
        if (_state.Members.All(member => member.Name != name))
            throw new FaultException(Unknown(name, _folder));
        Directory.CreateDirectory(folder);
        var sources = new Dictionary<string, string>
        {
            [Kit.HubRootFile] = Path.Combine(_folder, Kit.HubRootFile),
            [Kit.SiteRootFile] = Path.Combine(_folder, Kit.SiteRootFile),
            [Kit.CertificateFile] = IssuedFile(name),
        };
        foreach (var (file, source) in sources)
            File.Copy(source, Path.Combine(folder, file), overwrite: true);
        var manifest = JsonSerializer.SerializeToUtf8Bytes(
            new KitManifest(
                KitManifest.CurrentSchema, _state.Federation, _state.Version, _clock.GetUtcNow(), name,
                new KitHub(hub.Name, _state.Hub.Host, _state.Hub.Port, hub.Key),
                [.. _state.Members.Where(member => member != hub)
                    .Select(member => new KitMember(member.Name, member.Key))],
                _state.Revoked,
                sources.Keys.ToImmutableSortedDictionary(file => file, file =>
                    Digest.Of(File.ReadAllBytes(Path.Combine(folder, file))).ToString())),
            KitManifest.Json);
        File.WriteAllBytes(Path.Combine(folder, Kit.ManifestFile), manifest);
        using var key = PrivateFile.Read(Path.Combine(_folder, Path.ChangeExtension(Kit.HubRootFile, ".key")));
        File.WriteAllText(Path.Combine(folder, Kit.SignatureFile),
            Convert.ToHexStringLower(key.SignData(manifest, HashAlgorithmName.SHA256)) + "\n");
    }

    /// <summary>Everyone with a certificate that counts, and until when.</summary>
    public ImmutableArray<(string Name, DateTimeOffset Until)> Members =>
    [
        .. _state.Members.Select(member =>
        {
            using var certificate = X509CertificateLoader.LoadCertificateFromFile(IssuedFile(member.Name));
            return (member.Name, new DateTimeOffset(certificate.NotAfter));
        }),
    ];

    private X509Certificate2 Root(string file)
    {
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(_folder, file));
        using var key = PrivateFile.Read(Path.Combine(_folder, Path.ChangeExtension(file, ".key")));
        return certificate.CopyWithPrivateKey(key);
    }

    private string IssuedFile(string name) => Path.Combine(_folder, IssuedFolder, name + ".crt");

    // Written beside and moved over: a crash leaves the old list or the new one.
    private void Save()
    {
        var file = Path.Combine(_folder, StateFile);
        File.WriteAllText(file + ".tmp", JsonSerializer.Serialize(_state, KitManifest.Json));
        File.Move(file + ".tmp", file, overwrite: true);
    }

    private static CertificateRequest ReadRequest(string file)
    {
        try
        {
            // Checks that whoever asks holds the key; extensions are ours to set, whatever the request asks for.
            return CertificateRequest.LoadSigningRequestPem(File.ReadAllText(file), HashAlgorithmName.SHA256);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Malformed(file, "it cannot be read");
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw Malformed(file, "it is no certificate request, or not signed by its own key");
        }
    }

    private static void CheckName(string name)
    {
        if (!HospitalId.IsValid(name))
            throw new FaultException(
                new Fault(FaultNumber.ValueOutOfRange, $"'{name}' cannot name a site or a federation.", "command line",
                "Use 1 to 64 letters, digits, '-', '_' or '.', the first a letter or a digit."));
    }

    private static FaultException Malformed(string file, string reason) => new(new Fault(FaultNumber.RequestMalformed,
        $"The request cannot be signed: {reason}.", file, "Have the site make it with 'fedactors provision csr'."));

    private static Fault Unknown(string name, string where) =>
        new(FaultNumber.UnknownSite, $"No certificate was issued for '{name}'.", where,
        "Sign its request first: 'fedactors provision sign'.");

    private sealed record State(
        string Federation, int Version, Place Hub, ImmutableArray<Member> Members, ImmutableArray<string> Revoked);

    private sealed record Place(string Name, string Host, int Port);

    private sealed record Member(string Name, string Key, string Serial);
}
