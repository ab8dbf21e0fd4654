using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using FedActors.Core;
using FedActors.Core.Identity;

namespace FedActors.Actors.Provisioning;

/// <summary>
/// A site's kit: both roots, its certificate and the signed list of members, from which its roster follows. Holds no
/// private key; it may lie anywhere.
/// </summary>
public sealed class Kit
{
    public const string ManifestFile = "manifest.json";
    public const string SignatureFile = "manifest.sig";
    public const string HubRootFile = "hub-ca.crt";
    public const string SiteRootFile = "site-ca.crt";
    public const string CertificateFile = "site.crt";

    private Kit(
        string folder, KitManifest manifest, X509Certificate2 hubRoot, X509Certificate2 siteRoot,
        X509Certificate2 certificate, Roster roster) =>
        (Folder, Manifest, HubRoot, SiteRoot, Certificate, Roster) =
        (folder, manifest, hubRoot, siteRoot, certificate, roster);

    public string Folder { get; }

    public KitManifest Manifest { get; }

    public X509Certificate2 HubRoot { get; }

    public X509Certificate2 SiteRoot { get; }

    /// <summary>This site's own.</summary>
    public X509Certificate2 Certificate { get; }

    public Roster Roster { get; }

    public bool IsHub => Manifest.Site == Manifest.Hub.Name;

    /// <summary>What two sites read to one another before they trust a kit: SHA-256 of the hub root's public
    /// key.</summary>
    public string Fingerprint => Digest.Of(HubRoot.PublicKey.ExportSubjectPublicKeyInfo()).ToString();

    /// <summary>Reads a kit and checks all of it but what time and a private key say.</summary>
    /// <exception cref="FaultException">FA-7012 to FA-7021.</exception>
    public static Kit Open(string folder)
    {
        try
        {
            var bytes = File.ReadAllBytes(Path.Combine(folder, ManifestFile));
            var hubRoot = Load(folder, HubRootFile);
            using (var key = hubRoot.GetECDsaPublicKey())
            {
                if (key is null
                    || !key.VerifyData(bytes,
                        Convert.FromHexString(File.ReadAllText(Path.Combine(folder, SignatureFile)).Trim()),
                        HashAlgorithmName.SHA256))
                    throw Forged(folder, ManifestFile);
            }
            var manifest = JsonSerializer.Deserialize<KitManifest>(bytes, KitManifest.Json)!;
            foreach (var (file, sha256) in manifest.Files)
            {
                if (file != Path.GetFileName(file)
                    || Digest.Of(File.ReadAllBytes(Path.Combine(folder, file))).ToString() != sha256)
                    throw Forged(folder, file);
            }
            if (manifest.Schema != KitManifest.CurrentSchema
                || !((string[])[HubRootFile, SiteRootFile, CertificateFile]).All(manifest.Files.ContainsKey))
                throw Unreadable(folder, "it is of another version, or lacks a file");
            var roster =
                new Roster(KeyOf(manifest.Hub.Key),
                    manifest.Hospitals.Select(member =>
                        KeyValuePair.Create(new HospitalId(member.Name), KeyOf(member.Key))));
            return new Kit(folder, manifest, hubRoot, Load(folder, SiteRootFile), Load(folder, CertificateFile),
                roster);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(folder, e.Message.TrimEnd('.'));
        }
        catch (Exception e) when (e is JsonException or FormatException or CryptographicException or ArgumentException)
        {
            throw Unreadable(folder, $"it is not what 'fedactors provision package' writes ({e.GetType().Name})");
        }
    }

    /// <summary>What speaks against running with this kit and this key now; empty where nothing does.</summary>
    public IEnumerable<Fault> Faults(ECDsa? key, DateTimeOffset now)
    {
        var where = Path.Combine(Folder, CertificateFile);
        if (FaultOf(Certificate, IsHub, now, where) is { } fault)
            yield return fault;
        var name = Certificates.NameOf(Certificate);
        var expected = IsHub ? Roster.Coordinator : Manifest.Hospitals.Any(member => member.Name == Manifest.Site)
            ? Roster.KeyOf(new HospitalId(Manifest.Site))
            : null;
        if (name != Manifest.Site || expected is null || !expected.Equals(Certificates.KeyOf(Certificate)))
            yield return new Fault(FaultNumber.KitOfAnotherSite,
                $"The kit is for '{Manifest.Site}', its certificate for '{name}'.", where,
                "Ask the federation's office to package the kit again.");
        if (key is not null && !SitePublicKey.Of(key).Equals(Certificates.KeyOf(Certificate)))
            yield return new Fault(FaultNumber.KeyOfAnother, "The private key is not that of the certificate.", where,
                "Name the key that was made with this site's request, or send a new request.");
    }

    /// <summary>What speaks against a peer's certificate; null where nothing does.</summary>
    public Fault? FaultOf(X509Certificate2 certificate, bool isHub, DateTimeOffset now, string where) => isHub
        ? Certificates.FaultOf(certificate, HubRoot, Certificates.ServerUsage, Manifest.Revoked, now, where)
        : Certificates.FaultOf(certificate, SiteRoot, Certificates.ClientUsage, Manifest.Revoked, now, where);

    private static X509Certificate2 Load(string folder, string file) =>
        X509CertificateLoader.LoadCertificateFromFile(Path.Combine(folder, file));

    private static SitePublicKey KeyOf(string hex) =>
        SitePublicKey.TryParse(Convert.FromHexString(hex), out var key)
        ? key
        : throw new FormatException("Not a public key of P-256.");

    private static FaultException Forged(string folder, string file) =>
        new(ExitCode.VerificationFailed, new Fault(FaultNumber.KitForged,
        $"'{file}' is not what the federation's office signed.", folder,
        "Do not use this kit: fetch it again, and compare the fingerprint by telephone."));

    private static FaultException Unreadable(string folder, string reason) => new(new Fault(FaultNumber.KitUnreadable,
        $"The kit cannot be used: {reason}.", folder,
        "Give the folder that the federation's office sent, whole: 'fedactors provision verify' checks it."));
}
