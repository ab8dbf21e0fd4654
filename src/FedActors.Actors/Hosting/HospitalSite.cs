using FedActors.Core.Data;
using FedActors.Core.Identity;

namespace FedActors.Actors.Hosting;

/// <summary>What a hospital has of its own: its name and the patients it trains on. Never leaves it.</summary>
public sealed record HospitalSite(HospitalId Hospital, PatientTable Patients);
