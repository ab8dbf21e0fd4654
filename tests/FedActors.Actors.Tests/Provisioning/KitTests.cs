using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FedActors.Actors.Provisioning;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core;
using FedActors.Core.Identity;
using Microsoft.Extensions.Time.Testing;

namespace FedActors.Actors.Tests.Provisioning;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[Platform(Exclude = "Win")]
[UnsupportedOSPlatform("windows")]
public sealed class KitTests : IDisposable
{
    private readonly Office _office = new("berlin", "paris");

    public void Dispose() => _office.Dispose();

    [Test]
    public void Every_site_reads_the_same_roster_from_its_own_kit()
    {
        var (hub, berlin, paris) =
            (Kit.Open(_office.KitOf("hub")), Kit.Open(_office.KitOf("berlin")), Kit.Open(_office.KitOf("paris")));

        Assert.Multiple(() =>
        {
            Assert.That(berlin.Roster.Hash, Is.EqualTo(hub.Roster.Hash).And.EqualTo(paris.Roster.Hash));
            Assert.That(berlin.Roster.Hospitals.Select(hospital => hospital.ToString()),
                Is.EqualTo((string[])["berlin", "paris"]));
            Assert.That(berlin.Fingerprint, Is.EqualTo(hub.Fingerprint));
            Assert.That((hub.IsHub, berlin.IsHub), Is.EqualTo((true, false)));
        });
    }

    [Test]
    public void A_good_kit_with_its_key_has_no_fault()
    {
        foreach (var site in (string[])["hub", "berlin"])
        {
            using var key = PrivateFile.Read(_office.KeyOf(site));
            Assert.That(Kit.Open(_office.KitOf(site)).Faults(key, TimeProvider.System.GetUtcNow()), Is.Empty, site);
        }
    }

    [Test]
    public void No_private_key_leaves_the_site_it_was_made_at()
    {
        var keys = Directory.GetFiles(_office.Folder, "*.key", SearchOption.AllDirectories);

        Assert.That(keys.Select(key => Path.GetRelativePath(_office.Folder, key)), Is.EquivalentTo((string[])
            ["office/hub-ca.key", "office/site-ca.key", "hub/hub.key", "berlin/berlin.key", "paris/paris.key"]));
        Assert.That(keys.Select(File.GetUnixFileMode), Is.All.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        foreach (var file in Directory.GetFiles(_office.Folder, "*", SearchOption.AllDirectories)
            .Where(file => !file.EndsWith(".key", StringComparison.Ordinal)))
            Assert.That(File.ReadAllText(file), Does.Not.Contain("PRIVATE KEY"), file);
    }

    [Test]
    public void A_key_that_others_can_read_is_refused()
    {
        File.SetUnixFileMode(_office.KeyOf("berlin"),
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);

        Assert.That(() => PrivateFile.Read(_office.KeyOf("berlin")), Refused(FaultNumber.KeyReadableByOthers));
    }

    [TestCase(Kit.ManifestFile, FaultNumber.KitForged)]
    [TestCase(Kit.CertificateFile, FaultNumber.KitForged)]
    [TestCase(Kit.SiteRootFile, FaultNumber.KitForged)]
    public void A_kit_of_which_a_byte_was_changed_is_refused(string file, FaultNumber expected)
    {
        var path = Path.Combine(_office.KitOf("berlin"), file);
        var bytes = File.ReadAllBytes(path);
        bytes[^3] ^= 1;
        File.WriteAllBytes(path, bytes);

        Assert.That(() => Kit.Open(_office.KitOf("berlin")), Refused(expected));
    }

    [TestCase(Kit.ManifestFile)]
    [TestCase(Kit.SignatureFile)]
    [TestCase(Kit.HubRootFile)]
    public void A_kit_that_lacks_a_file_is_refused(string file)
    {
        File.Delete(Path.Combine(_office.KitOf("berlin"), file));

        Assert.That(() => Kit.Open(_office.KitOf("berlin")), Refused(FaultNumber.KitUnreadable));
    }

    [Test]
    public void The_key_of_another_site_does_not_open_a_kit()
    {
        using var key = PrivateFile.Read(_office.KeyOf("paris"));

        Assert.That(Numbers(Kit.Open(_office.KitOf("berlin")), key),
            Is.EqualTo((FaultNumber[])[FaultNumber.KeyOfAnother]));
    }

    [TestCase(-2)]
    [TestCase(91)]
    public void A_certificate_counts_only_between_its_dates(int days) => Assert.That(
        Kit.Open(_office.KitOf("berlin")).Faults(null, TimeProvider.System.GetUtcNow().AddDays(days))
        .Select(fault => fault.Number),
        Does.Contain(FaultNumber.CertificateOutOfDate));

    [Test]
    public void A_certificate_of_another_federation_or_of_the_other_kind_is_not_let_in()
    {
        using var other = new Office("berlin");
        var (kit, now) = (Kit.Open(_office.KitOf("hub")), TimeProvider.System.GetUtcNow());

        Assert.Multiple(() =>
        {
            Assert.That(kit.FaultOf(Kit.Open(_office.KitOf("berlin")).Certificate, isHub: false, now, ""), Is.Null);
            Assert.That(kit.FaultOf(kit.Certificate, isHub: true, now, ""), Is.Null);
            Assert.That(kit.FaultOf(Kit.Open(other.KitOf("berlin")).Certificate, isHub: false, now, "")?.Number,
                Is.EqualTo(FaultNumber.CertificateUntrusted));
            Assert.That(kit.FaultOf(Kit.Open(_office.KitOf("berlin")).Certificate, isHub: true, now, "")?.Number,
                Is.EqualTo(FaultNumber.CertificateUntrusted));
            Assert.That(kit.FaultOf(kit.Certificate, isHub: false, now, "")?.Number,
                Is.EqualTo(FaultNumber.CertificateUntrusted));
        });
    }

    [Test]
    public void A_leaf_of_the_right_root_with_the_wrong_usage_is_refused()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var root = Certificates.NewRoot("sites", key, now, TimeSpan.FromDays(10));
        using var hubLike =
            Certificates.NewLeaf("berlin", new PublicKey(key), "127.0.0.1", root, now, TimeSpan.FromDays(1));

        Assert.That(Certificates.FaultOf(hubLike, root, Certificates.ClientUsage, [], now, "")?.Number,
            Is.EqualTo(FaultNumber.CertificateWrongUsage));
    }

    [Test]
    public void A_rotated_certificate_takes_the_place_of_the_old_one_which_is_revoked()
    {
        var old = Kit.Open(_office.KitOf("berlin")).Certificate;
        File.Move(_office.KeyOf("berlin"), _office.KeyOf("berlin") + ".old");
        _office.Federation.Sign(FederationOffice.Request(_office.PathOf("berlin"), "berlin"), isRotation: true,
            TimeSpan.FromDays(1));
        _office.Federation.Package("berlin", _office.KitOf("berlin"));
        var kit = Kit.Open(_office.KitOf("berlin"));
        using var key = PrivateFile.Read(_office.KeyOf("berlin"));

        Assert.That(Numbers(kit, key), Is.Empty);
        Assert.That(kit.FaultOf(old, isHub: false, TimeProvider.System.GetUtcNow(), "")?.Number,
            Is.EqualTo(FaultNumber.CertificateRevoked));
    }

    [Test]
    public void A_revoked_site_leaves_the_roster()
    {
        _office.Federation.Revoke("paris");
        _office.Federation.Package("berlin", _office.KitOf("berlin"));

        Assert.That(Kit.Open(_office.KitOf("berlin")).Roster.Contains(new HospitalId("paris")), Is.False);
        Assert.That(() => _office.Federation.Package("paris", _office.KitOf("paris")),
            Refused(FaultNumber.UnknownSite));
    }

    [Test]
    public void A_name_is_given_once_and_a_request_must_be_whole()
    {
        Assert.That(() =>
            _office.Federation.Sign(_office.PathOf("berlin", "berlin.csr"), isRotation: false, TimeSpan.FromDays(1)),
            Refused(FaultNumber.SiteNameTaken));
        var request = _office.PathOf("berlin", "berlin.csr");
        File.WriteAllText(request, File.ReadAllText(request).Replace('M', 'N'));
        Assert.That(() => _office.Federation.Sign(request, isRotation: true, TimeSpan.FromDays(1)),
            Refused(FaultNumber.RequestMalformed));
    }

    [Test]
    public void Neither_a_federation_nor_a_key_is_ever_overwritten()
    {
        Assert.That(() =>
            FederationOffice.Init(_office.PathOf("office"), "demo", "hub", "h", 1, new FakeTimeProvider()),
            Refused(FaultNumber.FolderTaken));
        Assert.That(() => FederationOffice.Request(_office.PathOf("berlin"), "berlin"),
            Refused(FaultNumber.FolderTaken));
    }

    private static FaultNumber[] Numbers(Kit kit, ECDsa key) =>
        [.. kit.Faults(key, TimeProvider.System.GetUtcNow()).Select(fault => fault.Number)];

    private static NUnit.Framework.Constraints.Constraint Refused(FaultNumber number) =>
        Throws.InstanceOf<FaultException>().With.Matches<FaultException>(refused =>
            refused.Faults.Any(fault => fault.Number == number));
}
